"""One host from a name to a logged-in connection, directly or through a jump host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import paramiko

from glm47_tui.i18n import Msg
from glm47_tui.profile.fields import split_jump
from glm47_tui.profile.model import SshSpec
from glm47_tui.remote import auth
from glm47_tui.remote.deadline import Deadline
from glm47_tui.remote.dial import dial
from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.hostkeys import Verifier
from glm47_tui.remote.login import Login
from glm47_tui.remote.vault import Asker
from glm47_tui.remote.wire import HOST_KEY_TYPES, WATCH, Refused, Wire

Note = Callable[[Msg], None]
_DROP_PAUSES_S = (0.2, 0.6, 1.5)
"""sshd drops some connections of a burst (MaxStartups): pauses before calling again."""


@dataclass(frozen=True)
class Target:
    """One host to log in to, and how. Two equal targets can share a connection."""

    host: str
    port: int
    spec: SshSpec

    @property
    def where(self) -> str:
        """``user@host:port``"""
        return f"{self.spec.user}@{self.address}"

    @property
    def address(self) -> str:
        """``host:port``"""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def jump(self) -> Target | None:
        """The jump host in front of this one."""
        if self.spec.jump is None:
            return None
        user, host, port = split_jump(self.spec.jump)
        change = {"user": user or self.spec.user, "port": port, "jump": None, "sudo": None}
        return Target(host, port, self.spec.model_copy(update=change))

    def key(self) -> str:
        """What makes two targets the same."""
        return f"{self.host} {self.port} {self.spec.model_dump_json()}"


@dataclass
class LoggedIn:
    """A connection that is logged in, and the password that opened it, if one did."""

    wire: Wire
    password: str | None = field(repr=False)


def log_in(target: Target, asker: Asker, note: Note, via: Wire | None) -> LoggedIn:
    """Log in to a host; RemoteError says why that failed."""
    verifier = Verifier(target.host, target.port, target.spec.host_keys, target.spec.known_hosts)

    def call() -> Wire:
        return _call(target, verifier, asker, note, via)

    spec = target.spec
    login = Login(spec.user, target.where, spec.auth, spec.identity, asker, call, note)
    wire = login.run()
    WATCH.add(wire)
    return LoggedIn(wire, login.used_password)


def _call(target: Target, verifier: Verifier, asker: Asker, note: Note, via: Wire | None) -> Wire:
    """Return a connection whose host key is trusted."""
    kinds = verifier.key_types(HOST_KEY_TYPES)
    changed: RemoteError | None = None
    while True:
        try:
            wire = _handshake(target, kinds, asker, note, via)
        except RemoteError as error:
            # No key of the types that are left: the first verdict stands.
            raise (changed if changed and error.kind == "protocol" else error) from None
        try:
            key = wire.get_remote_server_key()
        except paramiko.SSHException:
            wire.close()
            raise RemoteError(
                "dropped", node=asker.node, where=target.address, detail=wire.parting_words or "-"
            ) from None
        try:
            verifier.verify(key.get_name(), key.asbytes(), asker)
            return wire
        except RemoteError as error:
            wire.close()
            kinds = tuple(k for k in kinds if not _same_kind(k, key.get_name()))
            if error.kind != "key_changed" or not verifier.pin_mismatch(key.asbytes()) or not kinds:
                raise (changed or error) from None
            # The pinned fingerprint may be that of a key of another type: look at those.
            changed = changed or error
        except BaseException:
            wire.close()
            raise


def _same_kind(algorithm: str, name: str) -> bool:
    return algorithm == name or (name == "ssh-rsa" and algorithm.startswith("rsa-"))


def _handshake(
    target: Target, kinds: tuple[str, ...], asker: Asker, note: Note, via: Wire | None
) -> Wire:
    pauses = list(_DROP_PAUSES_S)
    while True:
        note(Msg.of("remote.note.dial", where=target.address))
        sock = _reach(target, asker, via)
        try:
            return _negotiate(target, sock, kinds, asker)
        except RemoteError as error:
            if error.kind != "dropped" or not pauses or asker.deadline.left() < pauses[0]:
                raise
        time.sleep(pauses.pop(0))


def _reach(target: Target, asker: Asker, via: Wire | None) -> Any:
    if via is None:
        return dial(target.host, target.port, asker.deadline, asker.node)
    where, node = target.address, asker.node
    try:
        return via.open("direct-tcpip", asker.deadline.left(), (target.host, target.port))
    except Refused as refused:
        if refused.code == Refused.PROHIBITED:
            raise RemoteError("jump_forbidden", node=node, where=where) from None
        raise RemoteError("jump", node=node, where=where, detail=refused.text or "-") from None
    except TimeoutError:
        seconds = round(asker.deadline.seconds)
        raise RemoteError("timeout", node=node, where=where, seconds=seconds) from None
    except (EOFError, paramiko.SSHException, OSError):
        raise RemoteError("lost", node=node, where=where) from None


def _negotiate(target: Target, sock: Any, kinds: tuple[str, ...], asker: Asker) -> Wire:
    where, node = target.address, asker.node
    wire = Wire(sock, kinds)
    wire.banner_timeout = wire.handshake_timeout = max(asker.deadline.left(), 0.1)
    done = threading.Event()
    try:
        wire.start_client(done)
        auth.wait(wire, done, asker.deadline)
        if not wire.is_active():
            raise auth.HungUp
        return wire
    except TimeoutError:
        wire.close()
        seconds = round(asker.deadline.seconds)
        raise RemoteError("timeout", node=node, where=where, seconds=seconds) from None
    except auth.HungUp:
        auth.settle(1.0, wire)
        error = wire.get_exception()
        wire.close()
        raise _why(error, wire, where, node, asker.deadline) from None
    except BaseException:
        wire.close()
        raise


def _why(
    error: BaseException | None, wire: Wire, where: str, node: str, deadline: Deadline
) -> RemoteError:
    if deadline.over:
        return RemoteError("timeout", node=node, where=where, seconds=round(deadline.seconds))
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return RemoteError("protocol", node=node, where=where, detail=str(error))
    if wire.remote_version and isinstance(error, paramiko.SSHException):
        return RemoteError("protocol", node=node, where=where, detail=str(error))
    words = str(error or "")
    if "Indecipherable" in words or "Invalid SSH banner" in words:
        return RemoteError("protocol", node=node, where=where, detail=words[:120])
    return RemoteError("dropped", node=node, where=where, detail=wire.parting_words or "-")


class Hop:
    """A connection to a jump host, shared by all that name the same one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wire: Wire | None = None
        self.users = 0
        self.failure: tuple[float, RemoteError] | None = None
        """When the last login failed, and why: those who waited for it share the answer."""


class Hops:
    """All jump connections of this process, counted by use; the last user closes one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hops: dict[str, Hop] = {}

    def take(self, target: Target, asker: Asker, note: Note) -> tuple[Wire, Callable[[], None]]:
        """Return a live connection to a jump host and how to give it back."""
        key = target.key()
        since = time.monotonic()
        with self._lock:
            hop = self._hops.setdefault(key, Hop())
            hop.users += 1
        try:
            with asker.deadline.paused():  # whoever comes first may be asking the user
                hop.lock.acquire()
            try:
                wire = self._ready(hop, target, asker, note, since)
            finally:
                hop.lock.release()
        except BaseException:
            self._give(key, hop)
            raise
        return wire, lambda: self._give(key, hop)

    def _ready(self, hop: Hop, target: Target, asker: Asker, note: Note, since: float) -> Wire:
        if hop.wire is not None and hop.wire.is_active():
            return hop.wire
        if hop.failure is not None and hop.failure[0] > since:
            raise hop.failure[1]
        try:
            hop.wire = log_in(target, asker, note, None).wire
        except RemoteError as error:
            hop.failure = (time.monotonic(), error)
            raise
        return hop.wire

    def _give(self, key: str, hop: Hop) -> None:
        with self._lock:
            hop.users -= 1
            if hop.users > 0:
                return
            if self._hops.get(key) is hop:
                del self._hops[key]
        if hop.wire is not None:
            hop.wire.close()


HOPS = Hops()
