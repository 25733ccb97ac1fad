"""``vllm serve``: the head node with its API server, or a headless node with engines only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.docker.store import PYTHON
from glm47_tui.demo.sim.site import Site
from glm47_tui.demo.sim.vllm import flags as words
from glm47_tui.demo.sim.vllm.engine import HANDSHAKE_S, Engine
from glm47_tui.demo.sim.vllm.flags import Flags
from glm47_tui.demo.sim.vllm.link import Gone, Link, Rank
from glm47_tui.demo.sim.vllm.loading import Seat
from glm47_tui.demo.sim.vllm.log import Fatal, Log

_SERVE = f"{PYTHON}/bin/vllm"
_ENTRY = "/vllm-workspace/vllm/vllm/entrypoints"
_UTILS = "/vllm-workspace/vllm/vllm/v1/engine/utils.py"


def _with_cluster(site: Site) -> None:
    """End this process when the cluster has ended, however it did: then its lock is free."""

    def wait() -> None:
        with (Path(site.node.home) / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        os._exit(137)

    threading.Thread(target=wait, daemon=True).start()


class Server:
    """One node's part of the service."""

    def __init__(self, site: Site, container: str, flags: Flags) -> None:
        self.site = site
        self.container = container
        self.flags = flags
        self.root = site.dir / "ct" / container
        self.world = site.world(self.root)
        self.log = Log("APIServer")
        self.engines: dict[int, int] = {}  # rank -> pid
        self.ranks: list[Rank] = []
        self._failed = threading.Event()

    # -- engines ----------------------------------------------------------------------------

    def _engine(self, rank: int, connect: Callable[[], Link]) -> None:
        """Start an engine process."""
        pid = os.fork()
        if pid:
            self.engines[rank] = pid
            return
        code = 1
        try:
            _with_cluster(self.site)
            folder = Path(self.world.path(self.flags.model))
            seat = Seat(self.site, self.container, self.flags, rank, folder)
            code = Engine(seat).run(connect)
        finally:
            os._exit(code)

    def _address(self) -> tuple[str, int]:
        address = self.flags.text("data-parallel-address", "127.0.0.1")
        return self.world.address(address), self.flags.number("data-parallel-rpc-port", 29550)

    def _call_head(self) -> Link:
        """Connect to the head node, for as long as the real engine tries."""
        deadline = time.monotonic() + HANDSHAKE_S * self.site.node.pace
        while time.monotonic() < deadline:
            try:
                sock = socket.create_connection(self._address(), timeout=5)
            except OSError:
                time.sleep(0.1)
                continue
            sock.settimeout(None)
            return Link(sock)
        raise Fatal(
            "RuntimeError", "Did not receive response from front-end process within 5 minutes",
            ("/vllm-workspace/vllm/vllm/v1/engine/core.py", 804, "startup_handshake",
             "raise RuntimeError("),
        )  # fmt: skip

    def headless(self) -> int:
        """Run a node that has engines only; ends when one of them does."""
        address = self.flags.text("data-parallel-address", "127.0.0.1")
        port = self._address()[1]
        Log().line(
            "serve.py:135",
            f"Launching {self.flags.local} data parallel engine(s) in headless mode, with head "
            f"node address tcp://{address}:{port}.",
        )
        for rank in range(self.flags.first, self.flags.first + self.flags.local):
            self._engine(rank, self._call_head)
        os.wait()  # whatever it died of, this is all that the launcher says
        Log().line("serve.py:158", "Shutting down.")
        return 0

    # -- head node --------------------------------------------------------------------------

    def head(self) -> int:
        """Run the head node: parsers, ports, engines of all nodes, then the API."""
        from glm47_tui.demo.sim.vllm.api import Api
        from glm47_tui.demo.sim.vllm.parsers import Parsers

        self.log.line("api_server.py:1351", "vLLM API server version 0.13.0 (simulated)")
        self.log.line("utils.py:253", f"non-default args: {self.flags.shown()}")
        parsers = Parsers(self.root, self.flags)
        api_socket = self._bind(self.site.loopback, self.flags.number("port", 8000), rpc=False)
        ranks = self._start()
        for rank in ranks:
            threading.Thread(target=rank.listen, args=(self._ended,), daemon=True).start()
        return Api(self.site, self.flags, self.log, parsers, ranks).run(api_socket)

    def _bind(self, address: str, port: int, *, rpc: bool) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
            if rpc:
                sock.listen(64)
        except OSError as error:
            reason = error.strerror or "Address already in use"
            if rpc:
                raise Fatal(
                    "zmq.error.ZMQError", f"{reason} (addr='tcp://{address}:{port}')",
                    (_UTILS, 914, "wait_for_engine_startup", "zmq_socket_ctx("),
                ) from error  # fmt: skip
            raise Fatal(
                "OSError", f"[Errno {error.errno}] {reason}",
                (f"{_ENTRY}/openai/api_server.py", 1318, "create_server_socket", "sock.bind(addr)"),
            ) from error  # fmt: skip
        return sock

    def _start(self) -> list[Rank]:
        """Start local engines, wait for the remote ones, and until all are ready."""
        flags = self.flags
        self._check_model()
        links: dict[int, tuple[Link, int, bool]] = {}
        remote = range(flags.local, flags.size)
        listening = None
        if flags.size > 1:
            address, port = self._address()
            if self.world.leave(address) not in (self.site.ip, "127.0.0.1"):
                raise Fatal(
                    "zmq.error.ZMQError", "Cannot assign requested address "
                    f"(addr='tcp://{flags.text('data-parallel-address')}:{port}')",
                    (_UTILS, 914, "wait_for_engine_startup", "zmq_socket_ctx("),
                )  # fmt: skip
            listening = self._bind(address, port, rpc=True)
            kernel.listen(self.site, port, self.site.ip)
            self.log.line("utils.py:821", f"Started DP Coordinator process (PID: {os.getpid()})")
        for rank in range(flags.local):
            links[rank] = self._local(rank)
        _with_cluster(self.site)
        threading.Thread(target=self._watch_local, daemon=True).start()
        while len(links) < flags.size and listening is not None:
            self._accept(listening, links, remote)
        for step, answer in (("INIT", "LOADED"), ("GO", "READY")):
            for link, _, _ in links.values():
                link.send(status=step)
            for rank in sorted(links):
                self._hear(rank, answer, links)
        return [Rank(rank, *links[rank]) for rank in sorted(links)]

    def _local(self, rank: int) -> tuple[Link, int, bool]:
        ours, theirs = socket.socketpair()
        self._engine(rank, lambda: Link(theirs))
        theirs.close()
        return Link(ours), self.engines[rank], True

    def _accept(
        self, listening: socket.socket, links: dict[int, tuple[Link, int, bool]], remote: range
    ) -> None:
        """Take the greeting of one remote engine; whoever does not greet is passed over."""
        listening.settimeout(1.0)
        try:
            sock, _ = listening.accept()
        except TimeoutError:
            self.log.quiet(
                "utils.py:946",
                f"Waiting for 0 local, {self.flags.size - len(links)} remote core engine proc(s) "
                "to connect.",
            )
            return
        sock.settimeout(5.0)
        link = Link(sock)
        try:
            hello = link.receive()
        except Gone:
            return
        sock.settimeout(None)
        rank = int(hello.get("rank", -1))
        frame = (_UTILS, 960, "wait_for_engine_startup", "raise RuntimeError(")
        if rank not in remote or rank in links:
            raise Fatal(
                "RuntimeError",
                f"Message from engine with unexpected data parallel rank: {rank}", frame,
            )  # fmt: skip
        if not hello.get("headless"):
            raise Fatal(
                "RuntimeError", f"Remote engine {rank} must use --headless unless in external or "
                "hybrid dp lb mode", frame,
            )  # fmt: skip
        links[rank] = (link, int(hello["pid"]), False)

    def _hear(self, rank: int, status: str, links: dict[int, tuple[Link, int, bool]]) -> None:
        """Wait until an engine says so; one that dies takes the others with it."""
        message: dict[str, Any] = {}
        try:
            while message.get("status") != status:
                message = links[rank][0].receive()
        except Gone:
            self._tell_others(rank, links)
            time.sleep(0.3)
            raise self._core_failed(rank, 1) from None
        if status == "READY" and message["hash"] != self.flags.fingerprint:
            raise Fatal(
                "RuntimeError",
                f"Configuration mismatch detected for engine {rank}. All DP workers must have "
                "identical configurations for parameters that affect collective communication "
                "(e.g., enable_eplb, eplb_config.log_balancedness). Worker hash: "
                f"{message['hash']}, Expected hash: {self.flags.fingerprint}. Please ensure all "
                "workers are started with the same command-line arguments.",
                (_UTILS, 1036, "wait_for_engine_startup", "raise RuntimeError("),
            )

    def _tell_others(self, dead: int, links: dict[int, Any]) -> None:
        from glm47_tui.demo.sim.site import service_ip

        ip = service_ip(dead // max(1, self.flags.local))
        for rank, (link, _, _) in links.items():
            if rank != dead:
                try:
                    link.send(status="PEER_GONE", ip=ip)
                except Gone:
                    continue

    def _core_failed(self, rank: int, code: int) -> Fatal:
        local = {f"EngineCore_DP{rank}": code} if rank in self.engines else {}
        return Fatal(
            "RuntimeError",
            "Engine core initialization failed. See root cause above. Failed core proc(s): "
            f"{local}",
            (_UTILS, 954, "wait_for_engine_startup", "raise RuntimeError("),
        )

    def _watch_local(self) -> None:
        """End as the real server does when a local engine dies while others are waited for."""
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return
        rank = next((r for r, p in self.engines.items() if p == pid), 0)
        if not self.ranks:
            time.sleep(1.0)  # _ready says it, unless it waits for another node
            fatal = self._core_failed(rank, os.waitstatus_to_exitcode(status))
            self.log.plain(fatal.trace)
            os._exit(1)

    def _ended(self, rank: Rank) -> None:
        """An engine died in service: a local one is noticed, a remote one is not."""
        if rank.local:
            self.log.bad(
                "core_client.py:564",
                f"Engine core proc EngineCore_DP{rank.number} died unexpectedly, shutting down "
                "client.",
            )

    def _check_model(self) -> None:
        if not Path(self.world.path(self.flags.model)).is_dir():
            raise Fatal(
                "huggingface_hub.errors.HFValidationError",
                "Repo id must be in the form 'repo_name' or 'namespace/repo_name': "
                f"'{self.flags.model}'. Use `repo_type` argument if needed.",
                ("/vllm-workspace/vllm/vllm/transformers_utils/config.py", 620, "get_config",
                 "config_dict, config = config_parser.parse("),
            )  # fmt: skip


def main(site: Site, container: str, args: list[str]) -> int:
    """Run ``vllm``; returns its exit code."""
    if args[:1] == ["--version"]:
        sys.stdout.write("0.13.0\n")
        return 0
    if args[:1] != ["serve"]:
        sys.stderr.write("usage: vllm serve [model_tag] [options]\n")
        return 2
    world = site.world()
    given = [world.leave(word) for word in args[1:]]
    flags = words.read(given)
    kernel.rename("vllm")
    # As the kernel shows it: the words of the launch script, flags and all.
    shown = " ".join(["python3", "/usr/local/bin/vllm", "serve", *given])
    kernel.register(site, os.getpid(), container, cmdline=shown)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    server = Server(site, container, flags)
    try:
        return server.headless() if flags.headless else server.head()
    except Fatal as fatal:
        Log("APIServer").plain(fatal.trace)
        for pid in server.engines.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return 1
    finally:
        kernel.refresh(site)
