"""Single authentication requests, each under a limit. What to try in which order: ``login``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import cMSG_USERAUTH_REQUEST
from paramiko.message import Message

from glm47_tui.remote.deadline import Deadline
from glm47_tui.remote.wire import Wire

Prompts = Sequence[tuple[str, bool]]
Answerer = Callable[[str, str, Prompts], Sequence[str] | None]
"""Called with title, instructions and prompts (text, echo); None: the user gave no answer."""


class Denied(Exception):
    """The server said no. ``offered`` holds the methods it goes on with, when it said so."""

    def __init__(self, offered: Sequence[str] | None = None) -> None:
        super().__init__()
        self.offered = offered


class HungUp(Exception):
    """The connection ended during authentication."""


class Declined(Exception):
    """The user gave no answer to the server's questions."""


def wait(wire: Wire, event: threading.Event, deadline: Deadline) -> None:
    """Wait for the server's answer: HungUp when the connection ends, TimeoutError when late."""
    while not event.wait(0.1):
        if not wire.is_active():
            raise HungUp
        if deadline.over:
            raise TimeoutError


@contextmanager
def _sending() -> Iterator[None]:
    """What paramiko raises when it cannot send: the connection has ended."""
    try:
        yield
    except (EOFError, OSError, paramiko.SSHException):
        raise HungUp from None


def _outcome(wire: Wire, event: threading.Event, deadline: Deadline) -> tuple[str, ...]:
    """Methods wanted next; empty when logged in."""
    wait(wire, event, deadline)
    if not wire.is_active():
        raise HungUp
    handler: Any = wire.auth_handler
    try:
        return tuple(handler.wait_for_response(event))
    except paramiko.BadAuthenticationType as error:
        raise Denied(tuple(error.allowed_types)) from None
    except (EOFError, OSError):
        raise HungUp from None
    except paramiko.AuthenticationException:
        if not wire.is_active():
            raise HungUp from None
        raise Denied from None
    except paramiko.SSHException:
        raise (Denied if wire.is_active() else HungUp) from None


def none(wire: Wire, user: str, deadline: Deadline) -> tuple[str, ...]:
    """Ask which methods the server offers. () when it lets the user in just so."""
    event = threading.Event()
    wire.auth_handler = AuthHandler(wire)
    with _sending():
        wire.auth_handler.auth_none(user, event)
    try:
        _outcome(wire, event, deadline)
    except Denied as denied:
        return tuple(denied.offered or ("publickey", "password", "keyboard-interactive"))
    return ()


def public_key(wire: Wire, user: str, key: paramiko.PKey, deadline: Deadline) -> tuple[str, ...]:
    """Log in by a key. Returns the methods wanted next (empty: done) or raises Denied."""
    event = threading.Event()
    with _sending():
        wire.auth_publickey(user, key, event)
    return _outcome(wire, event, deadline)


def password(wire: Wire, user: str, secret: str, deadline: Deadline) -> tuple[str, ...]:
    """Log in by a password."""
    event = threading.Event()
    with _sending():
        wire.auth_password(user, secret, event, fallback=False)
    return _outcome(wire, event, deadline)


def interactive(wire: Wire, user: str, answer: Answerer, deadline: Deadline) -> tuple[str, ...]:
    """Log in by answering the server's questions (keyboard-interactive).

    The answers come from ``answer``, which may take a user's time: it pauses the deadline itself.
    """
    event = threading.Event()
    declined: list[bool] = []

    def handler(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        try:
            given = answer(title, instructions, prompts)
        except Exception:  # on paramiko's thread: it would end there, unseen
            given = None
        if given is None:
            declined.append(True)
            return [""] * len(prompts)
        return list(given)

    wire.auth_handler = AuthHandler(wire)
    with _sending():
        wire.auth_handler.auth_interactive(user, handler, event)
    try:
        return _outcome(wire, event, deadline)
    except Denied:
        if declined:
            raise Declined from None
        raise


class _Query(AuthHandler):
    """Asks whether a public key would do, before anybody is asked for its passphrase."""

    accepted = False
    blob = b""
    username: str
    auth_event: threading.Event
    transport: Any
    _finalize_pubkey_algorithm: Any

    def _parse_service_accept(self, m: Message) -> None:
        del m
        message = Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        message.add_string(self.username)
        message.add_string("ssh-connection")
        message.add_string("publickey")
        message.add_boolean(False)
        kind = Message(self.blob).get_text()
        if kind == "ssh-rsa":
            kind = self._finalize_pubkey_algorithm(kind)
        message.add_string(kind)
        message.add_string(self.blob)
        self.transport._send_message(message)

    def _parse_userauth_info_request(self, m: Message) -> None:  # number 60 is PK_OK here
        del m
        self.accepted = True
        self.auth_event.set()


def would_accept(wire: Wire, user: str, blob: bytes, deadline: Deadline) -> bool:
    """Whether the server would take this public key (RFC 4252, section 7)."""
    event = threading.Event()
    query = _Query(wire)
    query.blob = blob
    wire.auth_handler = query
    with _sending():
        query.auth_publickey(user, None, event)  # type: ignore[arg-type]
    wait(wire, event, deadline)
    if not wire.is_active():
        raise HungUp
    wire.get_exception()
    return query.accepted


def settle(seconds: float, wire: Wire) -> None:
    """Give a server that is hanging up the time to say why."""
    end = time.monotonic() + seconds
    while wire.is_alive() and time.monotonic() < end:
        wire.join(0.05)
