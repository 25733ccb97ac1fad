"""What an engine does before it can answer (network, weights, profiling, graphs), and fails at."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.site import Site
from glm47_tui.demo.sim.vllm.flags import Flags
from glm47_tui.demo.sim.vllm.log import Fatal, Frame, Log

INIT_S, WEIGHTS_S, PROFILE_S, GRAPH_S = 0.8, 4.0, 1.0, 1.6
"""Seconds of the phases at pace 1; minutes in reality."""
EXPERTS = 0.952
"""Share of the routed experts in all weights (facts of the field, section 5)."""
NPU_GIB = 60.97
KV_BYTES_PER_TOKEN = 47_104
CORE = "/vllm-workspace/vllm/vllm/v1/engine/core.py"
_LOADER = "/vllm-workspace/vllm/vllm/model_executor/model_loader"
_LOAD: Frame = (
    "/vllm-workspace/vllm-ascend/vllm_ascend/worker/worker.py", 310, "load_model",
    "self.model_runner.load_model()",
)  # fmt: skip


class Seat(NamedTuple):
    """Which rank this is, on which node, in which container; ``folder`` is the model's."""

    site: Site
    container: str
    flags: Flags
    rank: int
    folder: Path


class Loading:
    """The start-up of one rank, in its engine's process. Fatal says how it failed.

    ``meet`` waits until all ranks have loaded their weights: they profile together.
    """

    def __init__(self, seat: Seat, meet: Callable[[], None]) -> None:
        self._site, self._container, self._flags, self._rank, self._folder = seat
        self._meet = meet
        self._gib = 0.0  # weights per NPU
        self._log = Log(f"EngineCore_DP{seat.rank}")
        self._began = time.monotonic()
        self._npus: dict[int, int] = {}

    def run(self) -> None:
        """Go through all phases."""
        self._site.sleep(INIT_S)
        self._network()
        self._workers()
        self._register(1200)
        first = self._worker_log(0)
        size = self._flags.size * self._flags.tensor
        rank = self._rank * self._flags.tensor
        first.line(
            "parallel_state.py:1208",
            f"rank {rank} in world size {size} is assigned as DP rank {self._rank}, PP rank 0, "
            f"PCP rank 0, TP rank 0, EP rank {rank}",
        )
        first.line("model_runner_v1.py:2227", f"Starting to load model {self._flags.model}...")
        self._weights(first)
        self._meet()
        self._profile()
        self._graphs(first)
        took = time.monotonic() - self._began
        self._log.line(
            "core.py:259",
            f"init engine (profile, create kv cache, warmup model) took {took:.2f} seconds",
        )

    def _register(self, mib: int) -> None:
        """Show the workers, and what each holds of its NPU's memory."""
        for index, (npu, pid) in enumerate(self._npus.items()):
            kernel.register(
                self._site, pid, self._container, name="VLLMWorker_DP", npus={str(npu): mib},
                cmdline=f"VLLM::Worker_DP{self._rank}_TP{index}",
            )  # fmt: skip

    def _workers(self) -> None:
        """Start a worker process for each NPU; they end with this process."""
        first = (self._rank - self._flags.first) * self._flags.tensor
        read, hold = os.pipe()
        for npu in range(first, first + self._flags.tensor):
            pid = os.fork()
            if pid == 0:
                os.close(hold)
                kernel.rename(f"VLLM::Worker_DP{self._rank}")
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.read(read, 1)
                os._exit(0)
            self._npus[npu] = pid
        os.close(read)

    def _worker_log(self, index: int) -> Log:
        expert = self._rank * self._flags.tensor + index
        parallel = f"_EP{expert}" if "enable-expert-parallel" in self._flags.switches else ""
        pid = list(self._npus.values())[index]
        return Log(f"Worker_DP{self._rank}_TP{index}{parallel}", pid)

    def _network(self) -> None:
        """Fail as Gloo does when the NIC is not there, or not the one of the address."""
        nic = os.environ.get("GLOO_SOCKET_IFNAME", "")
        if self._flags.size == 1 or not nic:
            return
        addresses = {}
        for line in (self._site.run / "ip/addr").read_text().splitlines():
            words = self._site.world().leave(line).split()
            addresses[words[1]] = words[3].partition("/")[0]
        frame = (
            CORE,
            1121,
            "_init_data_parallel",
            "self.dp_group = parallel_config.stateless_init()",
        )
        if nic not in addresses:
            raise Fatal(
                "RuntimeError",
                "[enforce fail at /pytorch/third_party/gloo/gloo/transport/tcp/device.cc:83] "
                f"ifa != nullptr. Unable to find address for: {nic}", frame,
            )  # fmt: skip
        if addresses[nic] != self._site.ip:
            self._site.sleep(2)
            raise Fatal(
                "RuntimeError",
                "Gloo connectFullMesh failed with [/pytorch/third_party/gloo/gloo/transport/tcp/"
                "pair.cc:144] no error", frame,
            )  # fmt: skip

    def _weights(self, log: Log) -> None:
        shards = self._shards()
        self._gib = self._share_of_weights()
        elapsed = 0.0
        for done in range(len(shards) + 1):
            if done % max(1, len(shards) // 31) == 0 or done == len(shards):
                self._progress(log, done, len(shards), elapsed)
                used = int(1200 + self._gib * 1024 * done / len(shards))
                self._register(used)
            if done == len(shards):
                break
            self._shard(shards[done])
            self._memory(done / len(shards))
            self._site.sleep(WEIGHTS_S / len(shards))
            elapsed += WEIGHTS_S * 60 / len(shards)
        for index in range(self._flags.tensor):
            took = f"Loading model weights took {self._gib:.4f} GB"
            self._worker_log(index).line("model_runner_v1.py:2243", took)

    @staticmethod
    def _progress(log: Log, done: int, total: int, elapsed: float) -> None:
        def clock(seconds: float) -> str:
            return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"

        left = clock(elapsed / done * (total - done)) if done else "?"
        rate = f"{elapsed / done:.2f}s/it" if done else "?it/s"
        log.plain(
            f"Loading safetensors checkpoint shards: {100 * done / total:3.0f}% Completed | "
            f"{done}/{total} [{clock(elapsed)}<{left}, {rate}]"
        )

    def _shards(self) -> list[Path]:
        index = self._folder / "model.safetensors.index.json"
        if not index.exists():
            raise Fatal(
                "RuntimeError", f"Cannot find any model weights with `{self._flags.model}`",
                (f"{_LOADER}/default_loader.py", 180, "_prepare_weights", "raise RuntimeError("),
            )  # fmt: skip
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        return [self._folder / name for name in names]

    def _share_of_weights(self) -> float:
        """Return the GiB of weights an NPU gets: experts over all NPUs, the rest over a rank's."""
        index = (self._folder / "model.safetensors.index.json").read_text("utf-8")
        total = int(json.loads(index)["metadata"]["total_size"]) / (1 << 30)
        tensor = self._flags.tensor
        spread = tensor * self._flags.size
        if "enable-expert-parallel" not in self._flags.switches:
            spread = tensor
        return total * EXPERTS / spread + total * (1 - EXPERTS) / tensor

    def _shard(self, shard: Path) -> None:
        inside = f"{self._flags.model}/{shard.name}"
        opening = (
            f"{_LOADER}/weight_utils.py", 662, "safetensors_weights_iterator",
            'with safe_open(st_file, framework="pt") as f:',
        )  # fmt: skip
        if not shard.exists():
            raise Fatal("FileNotFoundError", f"No such file or directory: {inside}", _LOAD, opening)
        if shard.stat().st_size < 1024:
            text = "Error while deserializing header: header too large"
            raise Fatal("safetensors_rust.SafetensorError", text, _LOAD, opening)

    def _memory(self, share: float) -> None:
        """Fail when an NPU has no room for the weights: the fault, or somebody else's memory."""
        foreign = {npu: mib for npu in self._npus if (mib := self._foreign(npu)) > 4096}
        bad = None
        if self._site.fault("engine-oom") is not None and share > 0.6:
            bad = 3 if 3 in self._npus else min(self._npus)
        elif foreign and share > 0.75:
            bad = min(foreign)
        elif self._gib * share > NPU_GIB - 1.2:
            bad = min(self._npus)
        if bad is None:
            return
        theirs = foreign.get(bad, 0) / 1024
        used = NPU_GIB - theirs - 1.11
        index = list(self._npus).index(bad)
        log = self._worker_log(index)
        fatal = Fatal(
            "RuntimeError",
            f"NPU out of memory. Tried to allocate 2.50 GiB (NPU {bad}; {NPU_GIB} GiB total "
            f"capacity; {used:.2f} GiB already allocated; {used:.2f} GiB current active; "
            f"1.11 GiB free; {used + 0.4:.2f} GiB reserved in total by "
            "PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb to "
            "avoid fragmentation.", _LOAD,
        )  # fmt: skip
        log.failure("multiproc_executor.py:772", "WorkerProc failed to start.", fatal.trace)
        raise Fatal(
            "Exception",
            "WorkerProc initialization failed due to an exception in a background process. See "
            "stack trace for root cause.",
            (CORE, 857, "run_engine_core", "engine_core = DPEngineCoreProc(*args, **kwargs)"),
        )

    def _foreign(self, npu: int) -> int:
        """Return the MiB that other processes hold of an NPU."""
        return sum(
            int(p.get("npus", {}).get(str(npu), 0))
            for p in kernel.processes(self._site)
            if p["pid"] not in self._npus.values()
        )

    def _profile(self) -> None:
        self._site.sleep(PROFILE_S)
        share = float(self._flags.text("gpu-memory-utilization", "0.9"))
        room = int((NPU_GIB * share - self._gib - 3.4) * (1 << 30))
        total = int(NPU_GIB * (1 << 30))
        if room <= 0:
            raise Fatal(
                "ValueError", "No available memory for the cache blocks. Try increasing "
                "`gpu_memory_utilization` when initializing the engine.",
                (CORE, 231, "_initialize_kv_caches", "kv_cache_configs = get_kv_cache_configs("),
            )  # fmt: skip
        for index in range(self._flags.tensor):
            self._worker_log(index).line(
                "worker.py:284", f"Available memory: {room - index * 4096}, total memory: {total}"
            )
        tokens = room // KV_BYTES_PER_TOKEN // 128 * 128
        longest = self._flags.number("max-model-len", 202752)
        self._log.line("kv_cache_utils.py:1291", f"GPU KV cache size: {tokens:,} tokens")
        self._log.line(
            "kv_cache_utils.py:1296",
            f"Maximum concurrency for {longest:,} tokens per request: {tokens / longest:.2f}x",
        )
        self._register(int(NPU_GIB * share * 1024))

    def _graphs(self, log: Log) -> None:
        if "enforce-eager" in self._flags.switches:
            return
        sizes = [1 << n for n in range(int(math.log2(self._flags.number("max-num-seqs", 256))) + 1)]
        log.line(
            "model_runner_v1.py:2945",
            f"Starting to capture ACL graphs for cases: {sizes[::-1]}, mode: PIECEWISE, "
            "uniform_decode: False",
        )
        count = len(sizes)
        for done in range(1, count + 1):
            self._site.sleep(GRAPH_S / count)
            bar = f"{100 * done // count:3d}%|{'█' * (10 * done // count):<10}|"
            clock = f"00:{done * 3:02d}<00:{(count - done) * 3:02d}"
            log.plain(
                f"Capturing ACL graphs (mixed prefill-decode, PIECEWISE): {bar} {done}/{count} "
                f"[{clock},  3.01s/it]"
            )
        finished = f"Graph capturing finished in {count * 3} secs, took 0.31 GiB"
        log.line("model_runner_v1.py:3063", finished)
