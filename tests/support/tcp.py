"""A TCP proxy on loopback that can be told to go deaf, to cut, or to slow down."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Passes bytes between clients and a target; ``with Proxy(port) as p`` and ``p.port``.

    ``freeze()`` keeps connections open and passes nothing on (a dead machine, a dropped route);
    ``cut()`` closes all of them. New connections are taken in either case.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self._target = (host, target)
        self._left: int | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flowing.set()
        self.cut()

    def freeze(self) -> None:
        """Pass nothing on from now."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on again, what was held back first."""
        self._flowing.set()

    def cut(self) -> None:
        """Close all connections."""
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def cut_after(self, size: int) -> None:
        """Cut everything once this many bytes more have come from the target."""
        self._left = size

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets |= {near, far}
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b, b is near), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                if down and self._left is not None:
                    data = data[: self._left]
                    self._left -= len(data)
                if data:
                    sink.sendall(data)
                if down and self._left == 0:
                    self.cut()
                    return
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
