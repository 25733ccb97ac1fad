"""How many commands may run at a time on one connection: sshd's MaxSessions, learned by trying."""

from __future__ import annotations

import threading
import time

import paramiko

from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.wire import Refused, Wire

SSHD_DEFAULT = 10
_PATIENCE_S = 60.0
"""Longest wait for a session while all are taken."""
_TRY_ANYWAY_S = 1.0
"""How long a believed limit holds back a command before it is put to the test again."""


class Sessions:
    """Opens session channels, and waits for one of ours to end when the server allows no more.

    The limit is a belief: sshd may count a session a moment longer than we do, so a refusal alone
    proves little, and whoever waits long tries all the same.
    """

    def __init__(self, wire: Wire, node: str, where: str) -> None:
        self._wire = wire
        self._node = node
        self._where = where
        self._changed = threading.Condition()
        self._open = 0
        self._limit = SSHD_DEFAULT

    @property
    def limit(self) -> int:
        """Sessions believed to be allowed at a time."""
        return self._limit

    def open(self, limit: float, cancel: threading.Event | None = None) -> paramiko.Channel:
        """Open a session within ``limit`` seconds; give it back by ``release``.

        RemoteError: limit, sessions, cancelled, lost.
        """
        end = time.monotonic() + limit
        patience = time.monotonic() + min(limit, _PATIENCE_S)
        pause = 0.01
        while True:
            self._enter(patience, cancel)
            try:
                return self._wire.open("session", max(0.0, end - time.monotonic()), cancel=cancel)
            except Refused:
                self._refused(learn=pause > 0.1)
                if time.monotonic() + pause >= patience:
                    raise self._too_many() from None
                with self._changed:
                    self._changed.wait(pause)
                pause = min(pause * 2, 0.5)
            except BaseException as error:
                self.release()
                raise self._translate(error, cancel, limit) from None

    def release(self) -> None:
        """A session has ended."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _enter(self, patience: float, cancel: threading.Event | None) -> None:
        since = time.monotonic()
        with self._changed:
            while self._open >= self._limit:
                self._changed.wait(0.1)
                now = time.monotonic()
                if cancel is not None and cancel.is_set():
                    raise RemoteError("cancelled", node=self._node, where=self._where)
                if not self._wire.is_active():
                    raise RemoteError("lost", node=self._node, where=self._where)
                if now >= patience:
                    raise self._too_many()
                if now - since >= _TRY_ANYWAY_S:
                    break
            self._open += 1

    def _refused(self, *, learn: bool) -> None:
        with self._changed:
            self._open -= 1
            if learn and self._open > 0:
                self._limit = self._open

    def _too_many(self) -> RemoteError:
        return RemoteError("sessions", node=self._node, where=self._where, open=self._open)

    def _translate(
        self, error: BaseException, cancel: threading.Event | None, limit: float
    ) -> BaseException:
        if isinstance(error, TimeoutError):
            return RemoteError("limit", node=self._node, where=self._where, seconds=round(limit))
        if isinstance(error, (EOFError, OSError, paramiko.SSHException)):
            kind = "cancelled" if cancel is not None and cancel.is_set() else "lost"
            return RemoteError(kind, node=self._node, where=self._where)  # type: ignore[arg-type]
        return error
