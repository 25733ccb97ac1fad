"""Full logs of a two-node start, line by line as vLLM 0.13.0 on vllm-ascend prints them.

Deterministic. Each node has a clock of its own (``skew`` seconds ahead), so that the order of
lines over nodes is not the order of their stamps. Failures are put in by the scenarios.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable

EPOCH = 1_768_215_180  # 2026-01-12 10:53:00
TP = 8
SHARDS = 93
_VLLM = "/vllm-workspace/vllm/vllm/v1"
_FRAMES = (
    (f"{_VLLM}/executor/multiproc_executor.py", 722, "worker_main", "worker = WorkerProc(*args)"),
    (f"{_VLLM}/executor/multiproc_executor.py", 562, "__init__", "self.worker.init_device()"),
    (f"{_VLLM}/worker/worker_base.py", 324, "init_device", "self.worker.init_device()"),
    (
        "/vllm-workspace/vllm-ascend/vllm_ascend/worker/worker.py",
        226,
        "init_device",
        "self._init()",
    ),
)


class Node:
    """One node's log."""

    def __init__(
        self, number: int, *, skew: float = 0, colour: bool = False, docker: bool = False
    ) -> None:
        self.number = number
        self.name = f"node{number}"
        self.lines: list[str] = []
        self.skew = skew
        self.colour = colour
        self.docker = docker
        self.random = random.Random(number)  # noqa: S311
        self.now = 0.0
        """Seconds since the start of the world, by the true clock."""

    # Writing.

    def stamp(self, form: str = "%m-%d %H:%M:%S") -> str:
        return time.strftime(form, time.gmtime(EPOCH + self.now + self.skew))

    def raw(self, *lines: str) -> None:
        for line in lines:
            when = ""
            if self.docker:  # the daemon writes UTC, the container lives in UTC+8
                utc = time.gmtime(EPOCH + self.now + self.skew - 8 * 3600)
                when = time.strftime("%Y-%m-%dT%H:%M:%S", utc) + ".123456789Z "
            self.lines.append(when + line)

    def log(self, process: str, level: str, where: str, *messages: str) -> None:
        """Write a record; further messages are its further lines (each with the full prefix)."""
        prefix = f"({process}) " if process else ""
        if prefix and self.colour:
            prefix = f"\x1b[0;36m({process})\x1b[0;0m "
        head = f"{prefix}{level} {self.stamp()} [{where}] "
        for number, message in enumerate(messages):
            end = "\r" if number < len(messages) - 1 else ""
            self.raw(f"{head}{message}{end}")

    def wait(self, seconds: float) -> None:
        self.now += seconds

    # Processes.

    @property
    def api(self) -> str:
        return "APIServer pid=211"

    @property
    def core(self) -> str:
        return f"EngineCore_DP{self.number} pid={300 + self.number}"

    def worker(self, rank: int) -> str:
        name = f"Worker_DP{self.number}_TP{rank}_EP{rank + TP * self.number}"
        return f"{name} pid={412 + 100 * self.number + rank}"

    # Phases of a good start.

    def launch(self) -> None:
        if self.number == 0:
            self.log(self.api, "INFO", "api_server.py:1351", "vLLM API server version 0.13.0")
            self.log(self.api, "INFO", "utils.py:253", "non-default args: {'port': 8080}")
            self.wait(8)
            self.log(self.api, "INFO", "model.py:514", "Resolved architecture: Glm4MoeForCausalLM")
            self.log(self.api, "INFO", "utils.py:821", "Started DP Coordinator process (PID: 290)")
        else:
            self.wait(8)
            self.log(
                "", "INFO", "serve.py:135",
                "Launching 1 data parallel engine(s) in headless mode, with head node address "
                "tcp://10.77.0.10:8082.",
            )  # fmt: skip
        self.wait(12)

    def join(self) -> None:
        if self.number == 0:
            self.log(
                self.core, "INFO", "core.py:93", "Initializing a V1 LLM engine (v0.13.0) with "
                "config: model='/root/.cache/GLM-4.7', dtype=torch.bfloat16, max_seq_len=8192",
            )  # fmt: skip
        for rank in range(TP):
            self.log(
                self.worker(rank), "INFO", "parallel_state.py:1203",
                f"world_size=16 rank={rank + TP * self.number} local_rank={rank} "
                "distributed_init_method=tcp://10.77.0.10:41235 backend=hccl",
            )  # fmt: skip
        self.raw(
            "[W112 10:53:30.123456789 compiler_depend.ts:137] Warning: CANN and HDK(driver) "
            "versions require processing for 32 padding size (function operator())"
        )
        self.wait(20)

    def weights(self, upto: int = SHARDS, seconds: float = 4) -> None:
        for rank in range(TP):
            self.log(
                self.worker(rank), "INFO", "model_runner_v1.py:2227",
                "Starting to load model /root/.cache/GLM-4.7...",
            )  # fmt: skip
        for shard in range(upto + 1):
            share = shard * 100 // SHARDS
            self.raw(
                f"({self.worker(0)}) \rLoading safetensors checkpoint shards: {share:3d}% Completed"
                f" | {shard}/{SHARDS} [00:10<05:00,  {seconds:.2f}s/it]"
            )
            self.wait(seconds)
        if upto == SHARDS:
            for rank in range(TP):
                self.log(
                    self.worker(rank), "INFO", "model_runner_v1.py:2243",
                    "Loading model weights took 43.2101 GB",
                )  # fmt: skip

    def profile(self) -> None:
        self.wait(30)
        for rank in range(TP):
            self.log(
                self.worker(rank), "INFO", "worker.py:283",
                f"Available memory: {6_400_000_000 + rank}, total memory: 65464696832",
            )  # fmt: skip
        self.log(self.core, "INFO", "kv_cache_utils.py:1291", "GPU KV cache size: 135,936 tokens")

    def capture(self) -> None:
        for rank in range(TP):
            self.log(
                self.worker(rank), "INFO", "model_runner_v1.py:2945",
                "Starting to capture ACL graphs for cases: [8, 4, 2, 1], mode: PIECEWISE, "
                "uniform_decode: False",
            )  # fmt: skip
        for done in range(5):
            self.raw(
                f"({self.worker(0)}) \rCapturing ACL graphs (mixed prefill-decode, PIECEWISE): "
                f"{done * 25:3d}%|##   | {done}/4 [00:01<00:03,  1.20it/s]"
            )
            self.wait(2)
        self.log(
            self.core, "INFO", "core.py:259",
            "init engine (profile, create kv cache, warmup model) took 61.20 seconds",
        )  # fmt: skip

    def serve(self, requests: int = 200) -> None:
        if self.number == 0:
            self.log(self.api, "INFO", "api_server.py:1425", "Starting vLLM API server 0 on :8080")
            self.raw(f"({self.api}) INFO:     Application startup complete.")
        for _ in range(requests if self.number == 0 else 0):
            self.wait(1)
            self.raw(
                f"({self.api}) INFO:     10.77.0.1:{self.random.randrange(30000, 60000)} - "
                '"POST /v1/chat/completions HTTP/1.1" 200 OK'
            )
            if self.random.random() < 0.2:
                self.log(
                    self.api, "INFO", "loggers.py:248", "Engine 000: Avg prompt throughput: 12.0 "
                    "tokens/s, Avg generation throughput: 33.1 tokens/s, Running: 2 reqs",
                )  # fmt: skip

    def good_start(self) -> None:
        for step in (self.launch, self.join, self.weights, self.profile, self.capture):
            step()

    # What failing looks like.

    def traceback(self, process: str, where: str, head: str, *exception: str) -> None:
        lines = [head, "Traceback (most recent call last):"]
        for file, number, name, code in _FRAMES:
            lines += [f'  File "{file}", line {number}, in {name}', f"    {code}"]
            lines.append(f"    {'^' * len(code)}")
        self.log(process, "ERROR", where, *lines, *exception)

    def workers_fail(self, ranks: Iterable[int], *exception: str, gap: float = 0.4) -> None:
        for rank in ranks:
            said = tuple(line.replace("{rank}", str(rank)) for line in exception)
            place, head = "multiproc_executor.py:751", "WorkerProc failed to start."
            self.traceback(self.worker(rank), place, head, *said)
            self.wait(gap)

    def engine_falls(self) -> None:
        """The chain of secondary messages after a worker failed at the start."""
        self.wait(1)
        self.traceback(
            self.core, "core.py:866", "EngineCore failed to start.",
            "Exception: WorkerProc initialization failed due to an exception in a background "
            "process. See stack trace for root cause.",
        )  # fmt: skip
        self.raw(f"({self.core}) Process EngineCore_DP{self.number}:")
        self.raw(f"({self.core}) Traceback (most recent call last):")
        self.raw(f"({self.core}) Exception: WorkerProc initialization failed due to an exception "
                 "in a background process. See stack trace for root cause.")  # fmt: skip
        if self.number == 0:
            self.api_falls()
        self.raw(
            "/usr/local/python3.11.13/lib/python3.11/multiprocessing/resource_tracker.py:254: "
            "UserWarning: resource_tracker: There appear to be 9 leaked shared_memory objects to "
            "clean up at shutdown"
        )

    def api_falls(self, code: int = 1) -> None:
        self.wait(1)
        self.raw(f"({self.api}) Traceback (most recent call last):")
        self.raw(f'({self.api})   File "/vllm-workspace/vllm/vllm/v1/engine/utils.py", line 968')
        self.raw(f"({self.api}) RuntimeError: Engine core initialization failed. See root cause "
                 f"above. Failed core proc(s): {{'EngineCore_DP0': {code}}}")  # fmt: skip

    def engine_dies(self, *exception: str) -> None:
        """The chain after a worker failed while serving."""
        self.traceback(self.core, "core.py:868", "EngineCore encountered a fatal error.",
                       *exception)  # fmt: skip
        if self.number == 0:
            self.wait(1)
            for _ in range(5):
                self.log(
                    self.api, "ERROR", "async_llm.py:525", "AsyncLLM output_handler failed.",
                    "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. "
                    "See stack trace (above) for the root cause.",
                )  # fmt: skip
            self.raw(f'({self.api}) INFO:     10.77.0.1:3 - "POST /v1/completions HTTP/1.1" 500')

    def socket_timeouts(self, ranks: Iterable[int] = range(TP)) -> None:
        """What ranks say that waited 120 s for one that never came."""
        self.workers_fail(
            ranks,
            "RuntimeError: create_config:torch_npu/csrc/distributed/HCCLUtils.cpp:148 HCCL function"
            " error: hcclCommInitRootInfoConfig(numRanks, &rootInfo, rank, config, "
            "&(comm->hcclComm_)), error code is 9",
            f"[ERROR] {self.stamp('%Y-%m-%d-%H:%M:%S')} (PID:412, Device:0, RankID:0) ERR02200 DIST"
            " call hccl api failed.",
            f"[PID: 412] {self.stamp('%Y-%m-%d-%H:%M:%S')}.787.356 Get_Socket_Timeout(EI0006): "
            "Getting socket times out. Reason: 1. The remote does not initiate a connect request.",
            "        TraceBack (most recent call last):",
            gap=0.1,
        )

    def peer_closed(self, address: str) -> None:
        """What an engine says whose peer went away while serving."""
        self.engine_dies(
            "RuntimeError: [/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:538] Read error "
            f"[{address}]:41932: Connection reset by peer"
        )


def pair(**options: object) -> tuple[Node, Node]:
    """Return two nodes, node 1's clock ahead by ``skew`` seconds."""
    skew = float(options.pop("skew", 0))  # type: ignore[arg-type]
    return Node(0, **options), Node(1, skew=skew, **options)  # type: ignore[arg-type]


def together(nodes: Iterable[Node], *steps: Callable[[Node], None]) -> None:
    """Let all nodes take steps side by side: each begins when the slowest ended the last."""
    some = tuple(nodes)
    for step in steps:
        begin = max(node.now for node in some)
        for node in some:
            node.now = begin
            step(node)
