"""From a name to a TCP connection, every wait under a limit."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from glm47_tui.remote.deadline import Deadline
from glm47_tui.remote.errors import RemoteError

T = TypeVar("T")
_DEAD_PEER_MS = 15_000


def under_limit(work: Callable[[], T], seconds: float) -> T:
    """Run a call that cannot be interrupted on a thread of its own; TimeoutError when it is late.

    The thread is abandoned then (a daemon).
    """
    box: list[T] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def body() -> None:
        try:
            box.append(work())
        except BaseException as error:  # handed over to the caller, whatever it is
            failed.append(error)
        done.set()

    threading.Thread(target=body, name="ssh-limit", daemon=True).start()
    if not done.wait(max(seconds, 0.001)):
        raise TimeoutError
    if failed:
        raise failed[0]
    return box[0]


def dial(host: str, port: int, deadline: Deadline, node: str) -> socket.socket:
    """Open a TCP connection, trying each address of the name in turn."""
    where = f"{host}:{port}"
    addresses = _resolve(host, port, deadline, node)
    for n, (family, address) in enumerate(addresses):
        # An address that does not answer must leave time for the others.
        limit = deadline.left() / (len(addresses) - n)
        try:
            return _open(family, address, limit)
        except OSError as error:
            if n + 1 == len(addresses):
                raise _translate(error, where, node, deadline.seconds) from None
    raise RemoteError("dns", node=node, where=host, detail="-")


def _resolve(
    host: str, port: int, deadline: Deadline, node: str
) -> list[tuple[int, tuple[object, ...]]]:
    def ask() -> list[tuple[int, tuple[object, ...]]]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))

    try:
        return under_limit(ask, deadline.left())
    except TimeoutError:
        detail = os.strerror(errno.ETIMEDOUT)
        raise RemoteError("dns", node=node, where=host, detail=detail) from None
    except (OSError, UnicodeError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise RemoteError("dns", node=node, where=host, detail=detail) from None


def _open(family: int, address: tuple[object, ...], limit: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(max(limit, 0.001))
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", 5),
            ("TCP_KEEPINTVL", 5),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", _DEAD_PEER_MS),
        ):
            option = getattr(socket, name, None)  # not every system has all of them
            if option is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except BaseException:
        sock.close()
        raise
    return sock


def _translate(error: OSError, where: str, node: str, limit: float) -> RemoteError:
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return RemoteError("timeout", node=node, where=where, seconds=round(limit))
    if error.errno == errno.ECONNREFUSED:
        return RemoteError("refused", node=node, where=where)
    detail = error.strerror or str(error)
    return RemoteError("unreachable", node=node, where=where, detail=detail)
