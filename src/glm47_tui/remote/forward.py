"""A port of this machine that leads to a port of the node."""

from __future__ import annotations

import contextlib
import socket
import threading

import paramiko

from glm47_tui.remote.link import Link
from glm47_tui.remote.wire import Refused

_OPEN_LIMIT_S = 15.0
_MOST = 64
"""Connections through one forwarded port at a time; more wait to be accepted."""
_READ = 65536
_GONE = (EOFError, OSError, paramiko.SSHException)


class PortForward:
    """See ``api.Forward``. One thread accepts, two carry each connection; all end by ``close``."""

    def __init__(self, link: Link, host: str, port: int) -> None:
        self._link = link
        self._to = (host, port)
        self._room = threading.BoundedSemaphore(_MOST)
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self._closed = False
        try:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=_MOST)
        except OSError as error:
            detail = error.strerror or str(error)
            raise link.error("forward", port=port, detail=detail) from None
        self._port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="ssh-forward", daemon=True).start()

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._port

    def close(self) -> None:
        """Close the port and what runs through it; safe to call twice."""
        with self._lock:
            self._closed = True
            pairs = list(self._pairs)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        for pair in pairs:
            pair.close()

    def _accept(self) -> None:
        while True:
            self._room.acquire()
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(sock,), name="ssh-forward-open", daemon=True
            ).start()

    def _serve(self, sock: socket.socket) -> None:
        pair: _Pair | None = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = self._link.wire.open("direct-tcpip", _OPEN_LIMIT_S, self._to)
            pair = _Pair(sock, channel)
            with self._lock:
                if self._closed:
                    return
                self._pairs.add(pair)
            pair.carry()
        except (Refused, *_GONE):
            pass  # the local side sees its connection closed, as with ssh -L
        finally:
            if pair is not None:
                pair.close()
                with self._lock:
                    self._pairs.discard(pair)
            sock.close()
            self._room.release()


class _Pair:
    """A local connection and its channel."""

    def __init__(self, sock: socket.socket, channel: paramiko.Channel) -> None:
        self._sock = sock
        self._channel = channel

    def carry(self) -> None:
        """Carry bytes both ways until both sides are done."""
        up = threading.Thread(target=self._up, name="ssh-forward-up", daemon=True)
        up.start()
        with contextlib.suppress(*_GONE):
            while data := self._channel.recv(_READ):
                self._sock.sendall(data)
        if self._channel.eof_received and not self._channel.closed:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_WR)
        else:
            self.close()
        up.join()

    def _up(self) -> None:
        with contextlib.suppress(*_GONE):
            while data := self._sock.recv(_READ):
                self._channel.sendall(data)
        with contextlib.suppress(*_GONE):
            self._channel.shutdown_write()

    def close(self) -> None:
        """Close both sides; threads in between wake up."""
        with contextlib.suppress(*_GONE):
            self._channel.close()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
