"""The cluster as its user sees it: start, stop, a profile for it, faults to switch on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from glm47_tui.demo import faults, keys
from glm47_tui.demo.errors import DemoError, HomeInUse
from glm47_tui.demo.sim import model, reap
from glm47_tui.demo.sim.site import MARK, NIC, Site, loopback, service_ip
from glm47_tui.i18n import Msg

START_LIMIT_S = 30.0
"""Seconds after which a start has failed; it takes about one."""
STOP_LIMIT_S = 10.0
_SAFE = re.compile(r"[\w./+@-]+")


class Cluster:
    """Simulated nodes in a process of their own, which ends with this one.

    A process rather than threads: the app's own process keeps its interpreter to itself, and
    neither side can take the other down.

    ``home`` holds all of it (keys, the nodes' files, containers, logs) and may be used again:
    then the nodes are as they were left, after a reboot (containers are there, stopped), unless
    ``fresh`` is set: then only its keys and addresses stay.
    ``pace`` scales the simulated waits: 1 for people to watch, 0.02 for tests. ``faults`` are on
    from the start, each as ``NAME[@NODE][=VALUE]`` (see ``FAULTS``); those of an earlier run are
    off again.
    """

    def __init__(
        self,
        home: Path,
        nodes: int = 2,
        *,
        pace: float = 1.0,
        faults: Iterable[str] = (),
        password: str | None = None,
        fresh: bool = False,
    ) -> None:
        if not 1 <= nodes <= 16:
            raise ValueError(f"1 to 16 nodes, not {nodes}")
        self.home = Path(home).expanduser().resolve()
        self.nodes = nodes
        self._pace = pace
        self._faults = tuple(faults)
        self._password = password
        self._fresh = fresh
        self._process: subprocess.Popen[bytes] | None = None
        self._found: dict[str, int] = {}

    def start(self) -> Cluster:
        """Start the nodes and return when they can be logged in to.

        DemoError when they can't be; HomeInUse when another cluster lives here.
        """
        self._check_machine()
        orders = {
            "nodes": self.nodes, "pace": self._pace, "password": self._password,
            "fresh": self._fresh,
            "faults": [faults.read(text, self.nodes) for text in self._faults],
        }  # fmt: skip
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            keys.make(self.home / "keys", self.nodes)
            log = (self.home / "cluster.log").open("ab")
        except OSError as error:
            reason = error.strerror or str(error)
            raise DemoError(
                Msg.of("demo.unwritable", home=str(self.home), reason=reason),
                fix=Msg.of("demo.home_fix"),
            ) from error
        self._process = subprocess.Popen(
            [sys.executable, "-m", "glm47_tui.demo.sim.daemon", str(self.home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            env={**os.environ, MARK: str(self.home)},
        )  # fmt: skip
        log.close()
        self._order(json.dumps(orders))
        self._found = self._answer()
        return self

    def _order(self, line: str) -> None:
        # A line rather than a file: a home that another cluster uses must not change.
        pipe = self._process.stdin if self._process else None
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended: its answer says so
                pipe.write(f"{line}\n".encode())
                pipe.flush()

    def _check_machine(self) -> None:
        if not sys.platform.startswith("linux"):
            raise DemoError(Msg.of("demo.linux"), fix=Msg.of("demo.linux_fix"))
        missing = [t for t in ("bash", "setsid", "timeout", "sha256sum") if not shutil.which(t)]
        if missing:
            raise DemoError(Msg.of("demo.tools", tools=", ".join(missing)))
        if not _SAFE.fullmatch(str(self.home)):
            raise DemoError(Msg.of("demo.home", home=str(self.home)), fix=Msg.of("demo.home_fix"))

    def _answer(self) -> dict[str, int]:
        out, line = self._process.stdout if self._process else None, b""
        deadline = time.monotonic() + START_LIMIT_S
        while not line.endswith(b"\n"):
            wait = max(0.0, deadline - time.monotonic())
            if out is None or not select.select([out], [], [], wait)[0]:
                break
            data = os.read(out.fileno(), 4096)
            if not data:
                break
            line += data
        answer = json.loads(line) if line.endswith(b"\n") else {}
        if "prefix" in answer:
            return {k: int(v) for k, v in answer.items()}
        self.stop()
        if answer.get("error") == "running":
            raise HomeInUse(Msg.of("demo.running", home=str(self.home)))
        raise DemoError(Msg.of("demo.failed", log=str(self.home / "cluster.log")))

    def stop(self) -> None:
        """End the nodes and all that runs on them; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
        if process.returncode != 1:  # 1: the home belongs to another one, which goes on
            reap.end_all(str(self.home))

    def wait(self) -> None:
        """Wait until the nodes end, or for Ctrl-C."""
        if self._process is not None:
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether the nodes are up."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Cluster:
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def address(self, node: int) -> tuple[str, int]:
        """Return where a node's sshd listens."""
        return loopback(self._found["prefix"], node), self._found["ssh_port"]

    @property
    def identity(self) -> Path:
        """The private key that all nodes accept."""
        return self.home / "keys" / keys.LOGIN

    def site(self, node: int) -> Site:
        """Return a node's folder, for tests that look at it or change it by hand."""
        return Site(self.home / "nodes" / str(node))

    def _folders(self, node: int | None) -> list[Path]:
        which = range(self.nodes) if node is None else (node,)
        return [self.home / "nodes" / str(i) for i in which]

    def fault(self, name: str, node: int | None = None, value: str = "") -> None:
        """Switch a fault on, on one node or all; see ``FAULTS`` for names."""
        faults.read(name, self.nodes)
        for folder in self._folders(node):
            faults.mark(folder, name, value)
            faults.apply(Site(folder), name)

    def clear(self, name: str, node: int | None = None) -> None:
        """Switch a fault off."""
        for folder in self._folders(node):
            faults.unmark(folder, name)
            faults.apply(Site(folder), name)

    def profile_text(self, name: str = "demo") -> str:
        """Return a profile (TOML) for these nodes; host keys are pinned in it."""
        prefix, port, api = (self._found[k] for k in ("prefix", "ssh_port", "api_port"))
        lines = [
            "schema = 1", f'name = "{name}"', "", "[ssh]", 'user = "root"', f"port = {port}",
            'auth = "key"', f"identity = {json.dumps(str(self.identity), ensure_ascii=False)}",
            "", "[ssh.host_keys]",
        ]  # fmt: skip
        for i in range(self.nodes):
            print_ = keys.fingerprint(self.home / "keys", i)
            lines.append(f'"{loopback(prefix, i)}:{port}" = "{print_}"')
        launch = [f"port = {api}", f"rpc_port = {api + 2}"] if api != 8080 else []
        weights = model.of_cluster(self.nodes)
        if weights != model.BF16:  # which do not fit on one node
            lines += ["", "[model]", f'repo = "{weights.repo}"', f'path = "/{weights.place}"']
            launch.append('quantization = "ascend"')
        if launch:
            lines += ["", "[launch]", *launch]
        for i in range(self.nodes):
            lines += [
                "", "[[nodes]]", f'host = "{loopback(prefix, i)}"', f'nic = "{NIC}"',
                f'ip = "{service_ip(i)}"',
            ]  # fmt: skip
        return "\n".join(lines) + "\n"
