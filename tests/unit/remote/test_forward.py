"""Forwarded ports: to a server on the node's side, with half-closed ends and streams."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from glm47_tui.remote.api import Connection
from tests.support.sshd import Sshd, free_port, wait_until


class Service:
    """A TCP service run by a function of the accepted socket."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with sock:
            self._serve(sock)

    def close(self) -> None:
        self._listener.close()


def read_all(sock: socket.socket) -> bytes:
    out = b""
    while data := sock.recv(65536):
        out += data
    return out


@pytest.fixture
def service() -> Iterator[Callable[[Callable[[socket.socket], None]], Service]]:
    made: list[Service] = []

    def make(serve: Callable[[socket.socket], None]) -> Service:
        made.append(Service(serve))
        return made[-1]

    yield make
    for one in made:
        one.close()


def open_(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def test_half_closed_request_and_a_large_answer(
    node: Connection, service: Callable[..., Service]
) -> None:
    def serve(sock: socket.socket) -> None:
        asked = read_all(sock)  # ends only because the client's half-close comes through
        sock.sendall(asked[::-1] * 1000)

    forward = node.forward(service(serve).port)
    with open_(forward.port) as sock:
        sock.sendall(b"x" * 10_000 + b"end")
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == (b"dne" + b"x" * 10_000) * 1000


def test_what_trickles_is_not_held_back(node: Connection, service: Callable[..., Service]) -> None:
    step = threading.Semaphore(0)

    def serve(sock: socket.socket) -> None:
        for n in range(3):
            sock.sendall(f"data: {n}\n\n".encode())
            step.acquire(timeout=20)

    forward = node.forward(service(serve).port)
    with open_(forward.port) as sock:
        for n in range(3):
            assert sock.recv(100) == f"data: {n}\n\n".encode()
            step.release()
        assert sock.recv(100) == b""


def test_nothing_listens_there(node: Connection) -> None:
    forward = node.forward(free_port())
    with open_(forward.port) as sock:
        assert sock.recv(10) == b""
    assert node.alive


def test_close_ends_everything(node: Connection, service: Callable[..., Service]) -> None:
    before = set(threading.enumerate())
    forward = node.forward(service(lambda sock: sock.recv(10)).port)
    socks = [open_(forward.port) for _ in range(5)]
    wait_until(lambda: sum("ssh-forward-up" in t.name for t in threading.enumerate()) >= 5)
    forward.close()
    forward.close()
    for sock in socks:
        with sock:
            assert sock.recv(10) == b""
    with pytest.raises(ConnectionRefusedError):
        open_(forward.port)
    wait_until(
        lambda: (
            not [t for t in set(threading.enumerate()) - before if t.name.startswith("ssh-forward")]
        ),
        what="threads end",
    )


def test_a_cut_connection_closes_the_local_ends(
    shared_sshd: Sshd, node: Connection, service: Callable[..., Service]
) -> None:
    forward = node.forward(service(lambda sock: sock.recv(10)).port)
    with open_(forward.port) as sock:
        wait_until(lambda: any("ssh-forward-up" in t.name for t in threading.enumerate()))
        shared_sshd.kill_sessions()
        assert sock.recv(10) == b""
