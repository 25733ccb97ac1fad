"""The connection to a node as other rooms see it (``api.Connection``)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from glm47_tui.remote.api import Ask, Forward, LineSink, PushFile, Result, Stream
from glm47_tui.remote.command import Root, build
from glm47_tui.remote.deadline import Deadline
from glm47_tui.remote.files import Progress, fetch_file, push, send_file
from glm47_tui.remote.forward import PortForward
from glm47_tui.remote.hosts import LoggedIn, Target
from glm47_tui.remote.link import Link
from glm47_tui.remote.run import run
from glm47_tui.remote.stream import LineStream
from glm47_tui.remote.sudo import Privilege
from glm47_tui.remote.vault import Asker

_START_LIMIT_S = 30.0
_SUDO_LIMIT_S = 60.0


class SshConnection:
    """One multiplexed SSH connection to a node."""

    def __init__(
        self,
        name: str,
        target: Target,
        logged_in: LoggedIn,
        ask: Ask,
        give_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._ask = ask
        self._link = Link(logged_in.wire, name, target.where)
        wanted = target.spec.sudo
        if wanted is None:
            wanted = target.spec.user != "root"
        self._privilege = Privilege(self._link, wanted, logged_in.password)
        self._give_back = give_back
        self._forwards: list[PortForward] = []
        self._lock = threading.Lock()
        self._closed = False

    @property
    def name(self) -> str:
        """``node0`` and so on."""
        return self._name

    @property
    def where(self) -> str:
        """``user@host:port``"""
        return self._link.where

    @property
    def alive(self) -> bool:
        """Whether the transport is up as far as this side knows."""
        return not self._closed and self._link.wire.is_active()

    @property
    def cipher(self) -> str:
        """Cipher from this side to the node, for measurements."""
        return str(self._link.wire.local_cipher)

    def _root(self, limit: float = _SUDO_LIMIT_S) -> Root:
        return self._privilege.root(lambda: Asker(self._ask, self._name, Deadline(limit)))

    def run(
        self,
        script: str,
        *args: str,
        timeout: float,
        secrets: Mapping[str, str] | None = None,
        on_line: LineSink | None = None,
        cancel: threading.Event | None = None,
    ) -> Result:
        """See ``api.Connection.run``."""
        command = build(script, args, self._root(timeout), secrets)
        return run(self._link, command, timeout=timeout, on_line=on_line, cancel=cancel)

    def stream(
        self,
        script: str,
        *args: str,
        on_lines: Callable[[Sequence[str]], None],
        on_end: Callable[[Exception | None], None] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Stream:
        """See ``api.Connection.stream``. RemoteError when it cannot be started."""
        command = build(script, args, self._root(), secrets, stdin="lines")
        session = self._link.start(command, _START_LIMIT_S)
        return LineStream(self._link, session, on_lines, on_end)

    def push(self, files: Sequence[PushFile], *, timeout: float = 60.0) -> None:
        """See ``api.Connection.push``."""
        push(self._link, self._root(), files, timeout)

    def send_file(self, local: str, remote: str, *, progress: Progress | None = None) -> None:
        """See ``api.Connection.send_file``."""
        send_file(self._link, self._root(), local, remote, progress)

    def fetch_file(self, remote: str, local: str, *, progress: Progress | None = None) -> None:
        """See ``api.Connection.fetch_file``."""
        fetch_file(self._link, self._root(), remote, local, progress)

    def forward(self, port: int, host: str = "127.0.0.1") -> Forward:
        """See ``api.Connection.forward``."""
        if not self.alive:
            raise self._link.lost()
        forward = PortForward(self._link, host, port)
        with self._lock:
            self._forwards.append(forward)
        return forward

    def close(self) -> None:
        """Close everything; safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            forwards = list(self._forwards)
        for forward in forwards:
            forward.close()
        self._link.close()
        self._give_back()
