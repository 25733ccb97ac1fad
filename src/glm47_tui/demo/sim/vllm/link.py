"""How API server and engines talk: lines of JSON over a socket. One link a rank."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import Any


class Gone(Exception):
    """The other side has ended."""


class Link:
    """One end of a connection. Reading is for one thread at a time, writing for any."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._read = sock.makefile("rb")
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send a message; Gone when nobody is there."""
        try:
            with self._lock:
                self._sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Gone from error

    def receive(self) -> dict[str, Any]:
        """Wait for a message; Gone when the other side has ended."""
        try:
            line = self._read.readline()
            return dict(json.loads(line))
        except (OSError, ValueError) as error:
            raise Gone from error

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()


class Rank:
    """A data-parallel rank as the API server sees it."""

    def __init__(self, number: int, link: Link, pid: int, local: bool) -> None:
        self.number = number
        self.link = link
        self.pid = pid
        self.local = local
        self.dead = threading.Event()
        self.running = 0
        self._waiting: dict[int, threading.Event] = {}
        self._next = 0
        self._lock = threading.Lock()

    def listen(self, on_end: Callable[[Rank], None]) -> None:
        """Take the engine's answers until it is gone."""
        try:
            while True:
                done = self._waiting.get(int(self.link.receive().get("id", -1)))
                if done:
                    done.set()
        except Gone:
            pass
        self.dead.set()
        on_end(self)

    def step(self, tokens: int, seconds: float) -> bool:
        """Have the engine compute; False when it is dead. Waits for one that hangs."""
        with self._lock:
            self._next += 1
            number = self._next
            done = self._waiting[number] = threading.Event()
        try:
            self.link.send(id=number, tokens=tokens, seconds=seconds)
        except Gone:
            return False
        while not done.wait(0.2):
            if self.dead.is_set():
                return False
        del self._waiting[number]
        return True
