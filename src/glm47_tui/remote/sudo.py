"""How a login that is not root's becomes root: found out once a connection, when first needed."""

from __future__ import annotations

import re
import secrets as random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from glm47_tui.remote.api import SecretRequest
from glm47_tui.remote.command import PLAIN, Command, Root
from glm47_tui.remote.errors import Kind
from glm47_tui.remote.lines import clean
from glm47_tui.remote.link import Link
from glm47_tui.remote.vault import Asker

_TRIES = 3
_LIMIT_S = 30.0
"""For one question to sudo; PAM pauses after a wrong password."""
_SAYS: tuple[tuple[str, Kind], ...] = (
    (r"must have a tty|no tty present", "sudo_tty"),
    (r"not in the sudoers|not allowed to|may not run", "sudo_denied"),
    (r"sudo: (command )?not found|not found.*sudo|sudo.*[Nn]o such file", "sudo_absent"),
)


@dataclass
class _Answer:
    fine: bool
    words: str
    code: int

    @property
    def kind(self) -> Kind | None:
        """What sudo's words mean, None when they speak of a password."""
        for pattern, kind in _SAYS:
            if re.search(pattern, self.words):
                return kind
        return "sudo_absent" if self.code == 127 else None


class Privilege:
    """Knows how commands of one connection are run. Thread-safe; asks the user at most once."""

    def __init__(self, link: Link, wanted: bool, login_password: str | None) -> None:
        self._link = link
        self._wanted = wanted
        self._login_password = login_password
        self._lock = threading.Lock()
        self._root: Root | None = None if wanted else PLAIN

    def root(self, asker: Callable[[], Asker]) -> Root:
        """Return how commands are run; RemoteError when sudo does not let us."""
        if self._root is not None:
            return self._root
        asking = asker()
        with asking.deadline.paused():
            self._lock.acquire()
        try:
            if self._root is None:
                self._root = self._find(asking)
            return self._root
        finally:
            self._lock.release()

    def _find(self, asker: Asker) -> Root:
        free = self._try(None)
        if free.fine:
            return Root(sudo=True)
        if free.kind is not None:
            raise self._link.error(free.kind, detail=free.words)
        if self._login_password is not None:
            answer = self._try(self._login_password)
            if answer.fine:
                return Root(sudo=True, password=self._login_password)
            if answer.kind is not None:
                raise self._link.error(answer.kind, detail=answer.words)
        return self._ask(asker)

    def _ask(self, asker: Asker) -> Root:
        for attempt in range(1, _TRIES + 1):
            request = SecretRequest("sudo", self._link.node, self._link.where, attempt=attempt)
            secret = asker.secret(request)
            if secret is None:
                raise self._link.error("sudo_password" if attempt == 1 else "sudo")
            answer = self._try(secret)
            if answer.fine:
                return Root(sudo=True, password=secret)
            asker.wrong(request, secret)
            if answer.kind is not None:
                raise self._link.error(answer.kind, detail=answer.words)
        raise self._link.error("sudo")

    def _try(self, password: str | None) -> _Answer:
        """Ask sudo to say a word as root. Only the password is sent: what it refuses it must not
        take the next line for (that would count as further wrong passwords)."""
        nonce = random.token_hex(8)
        how = "-n" if password is None else "-k -S -p ''"
        line = f"env LC_ALL=C sudo {how} -- bash -c 'echo ok-{nonce}'"
        text = b"" if password is None else f"{password}\n".encode()
        command = Command(line, text, nonce)
        session = self._link.start(command, _LIMIT_S)
        try:
            session.finish_input()
            channel = session.channel
            if not channel.status_event.wait(_LIMIT_S):
                raise self._link.error("limit", seconds=round(_LIMIT_S))
            output = _read(channel.in_buffer)
            errors = _read(channel.in_stderr_buffer)
            if channel.exit_status < 0 and not self._link.wire.is_active():
                raise self._link.lost()
            fine = f"ok-{nonce}".encode() in output
            words = " ".join(clean(errors).split())[:200]
            return _Answer(fine, words, channel.exit_status)
        finally:
            session.end()


def _read(pipe: object, patience: float = 1.0) -> bytes:
    """All of a short output; its end follows the exit status closely."""
    end = time.monotonic() + patience
    data = b""
    while time.monotonic() < end:
        try:
            piece = pipe.read(65536, max(0.001, end - time.monotonic()))  # type: ignore[attr-defined]
        except OSError:
            break
        if not piece:
            break
        data += piece
    return data
