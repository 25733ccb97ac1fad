"""One data-parallel rank: the process that computes for the API server."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.site import write
from glm47_tui.demo.sim.vllm.link import Gone, Link
from glm47_tui.demo.sim.vllm.loading import CORE, Loading, Seat
from glm47_tui.demo.sim.vllm.log import Fatal, Log

HANDSHAKE_S = 300.0
"""vLLM's HANDSHAKE_TIMEOUT_MINS = 5."""


class Engine:
    """Lives in a process of its own, which begins with ``run``."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._site, self._container, self._flags, self._rank, _ = seat
        self._loading = True
        self._go = threading.Event()
        self._active = 0
        self._lock = threading.Lock()

    def run(self, connect: Callable[[], Link]) -> int:
        """Load, then compute until told to end; returns the exit code when loading failed."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        kernel.rename("VLLM::EngineCore")
        kernel.register(
            self._site, os.getpid(), self._container, cmdline=f"VLLM::EngineCore_DP{self._rank}"
        )
        self._log = Log(f"EngineCore_DP{self._rank}")
        try:
            link = self._handshake(connect)
            listener = threading.Thread(target=self._listen, args=(link,), daemon=True)
            listener.start()

            def meet() -> None:
                link.send(status="LOADED")
                self._go.wait()

            Loading(self._seat, meet).run()
            self._loading = False
            link.send(status="READY", hash=self._flags.fingerprint)
        except Fatal as fatal:
            self._log.failure("core.py:866", "EngineCore failed to start.", fatal.trace)
            return 1
        except Gone:
            self._peer_gone()
        # Without its head node a real engine stays, and holds its NPUs, until somebody ends it.
        threading.Event().wait()
        return 0

    def _handshake(self, connect: Callable[[], Link]) -> Link:
        model = self._flags.model
        self._log.line(
            "core.py:93",
            f"Initializing a V1 LLM engine (v0.13.0) with config: model='{model}', "
            f"tokenizer='{model}', dtype=torch.bfloat16, "
            f"max_seq_len={self._flags.number('max-model-len', 202752)}, "
            f"tensor_parallel_size={self._flags.tensor}, data_parallel_size={self._flags.size}, "
            f"quantization={self._flags.text('quantization') or None}, "
            f"served_model_name={self._flags.served} (simulated)",
        )
        if self._site.fault("engine-stuck") is not None:
            threading.Event().wait()
        link = connect()
        link.send(status="HELLO", rank=self._rank, pid=os.getpid(), headless=self._flags.headless)
        while link.receive().get("status") != "INIT":
            pass
        return link

    def _listen(self, link: Link) -> None:
        """Take orders: each is computed on a thread of its own."""
        try:
            while True:
                message = link.receive()
                if message.get("status") == "PEER_GONE":
                    self._peer_gone(str(message["ip"]))
                elif message.get("status") == "LOST":
                    self._lost(str(message["ip"]))
                elif message.get("status") == "GO":
                    self._go.set()
                elif "id" in message:
                    threading.Thread(
                        target=self._compute, args=(link, message), daemon=True
                    ).start()
        except Gone:
            if self._loading:
                self._peer_gone()

    def _compute(self, link: Link, message: dict[str, Any]) -> None:
        load = self._site.run / "load"
        with self._lock:
            self._active += 1
            write(load, str(self._active))
        time.sleep(float(message["seconds"]))
        with self._lock:
            self._active -= 1
            if self._active == 0:
                load.unlink(missing_ok=True)
        try:
            link.send(id=message["id"])
        except Gone:
            return

    def _lost(self, ip: str) -> None:
        """Fail in service, in the step that all ranks take together."""
        self._fail("EngineCore encountered a fatal error.", "Read error", ip, "reset by peer")

    def _peer_gone(self, ip: str = "") -> None:
        """Fail as the collectives of a loading engine do when another one has died."""
        ip = ip or self._flags.text("data-parallel-address", "127.0.0.1")
        self._fail("EngineCore failed to start.", "", ip, "closed by peer")

    def _fail(self, headline: str, what: str, ip: str, how: str) -> None:
        place = f"[{ip}]:{40000 + self._rank}"
        said = f"{what} {place}: Connection {how}" if what else f"Connection {how} {place}"
        fatal = Fatal(
            "RuntimeError",
            f"[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:538] {said}",
            (CORE, 857, "run_engine_core", "engine_core = DPEngineCoreProc(*args, **kwargs)"),
        )
        self._log.failure("core.py:866", headline, fatal.trace)
        os._exit(1)
