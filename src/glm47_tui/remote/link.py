"""What all that runs over one connection shares: opening a session, ending a command."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko

from glm47_tui.remote.command import Command
from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.lines import clean
from glm47_tui.remote.sessions import Sessions
from glm47_tui.remote.wire import Wire, exec_accepted, request_exec

_GONE = (EOFError, OSError, paramiko.SSHException)
_AT_ONCE_S = 0.5
"""How long ending a command may hold up its caller; the rest happens behind its back."""
_KILL_S = 4.0
"""By then a command that does not heed TERM has been killed."""


class Link:
    """One logged-in connection: its sessions, its errors. Thread-safe."""

    def __init__(self, wire: Wire, node: str, where: str) -> None:
        self.wire = wire
        self.node = node
        self.where = where
        self.sessions = Sessions(wire, node, where)
        self.closed = False
        self._reapers: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def error(self, kind: Any, **args: Any) -> RemoteError:
        """Build an error that names this node."""
        return RemoteError(kind, node=self.node, **{"where": self.where, **args})

    def lost(self) -> RemoteError:
        """The error for a connection that is gone."""
        return self.error("closed" if self.closed else "lost")

    def start(
        self, command: Command, limit: float, cancel: threading.Event | None = None
    ) -> Session:
        """Open a session, ask for the command and send its text; RemoteError when that fails."""
        if not self.wire.is_active():
            raise self.lost()
        end = time.monotonic() + limit
        channel = self.sessions.open(limit, cancel)
        session = Session(self, channel, command)
        try:
            request_exec(channel, command.line)
            session.send(command.text, end, cancel)
        except RemoteError:
            session.end()
            raise
        except _GONE:
            # A command that ends before it has read everything is no fault of the connection.
            if not self.wire.is_active():
                session.end()
                raise self.lost() from None
        except BaseException:
            session.end()
            raise
        return session

    def behind(self, work: Callable[[], None], name: str) -> threading.Thread:
        """Run something on a daemon thread that ``close`` waits for a little."""

        def body() -> None:
            with contextlib.suppress(RemoteError, *_GONE):
                work()
            with self._lock:
                self._reapers.discard(thread)

        thread = threading.Thread(target=body, name=name, daemon=True)
        with self._lock:
            self._reapers.add(thread)
        thread.start()
        return thread

    def close(self, patience: float = 1.5) -> None:
        """Close the connection, after commands being ended had a moment to end."""
        self.closed = True
        end = time.monotonic() + patience
        with self._lock:
            reapers = list(self._reapers)
        for thread in reapers:
            if self.wire.is_active() and thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))
        self.wire.close()


class Session:
    """One command that runs. Its output is read from ``channel`` by run, stream or a transfer."""

    def __init__(self, link: Link, channel: paramiko.Channel, command: Command) -> None:
        self.link = link
        self.channel: Any = channel
        self.command = command
        self._released = False
        self._lock = threading.Lock()

    def send(
        self, data: bytes, end: float | None = None, cancel: threading.Event | None = None
    ) -> None:
        """Send to standard input; RemoteError limit, cancelled; OSError when nobody reads it."""
        channel = self.channel
        channel.settimeout(0.2)
        began = time.monotonic()
        sent = 0
        while sent < len(data):
            try:
                count = channel.send(data[sent : sent + 32_000])
            except TimeoutError:
                if cancel is not None and cancel.is_set():
                    raise self.link.error("cancelled") from None
                if end is not None and time.monotonic() >= end:
                    seconds = round(end - began)
                    raise self.link.error("limit", seconds=seconds) from None
                continue
            if count == 0:
                raise EOFError
            sent += count

    def finish_input(self) -> None:
        """Close standard input."""
        with contextlib.suppress(*_GONE):
            self.channel.shutdown_write()

    def saw_ready(self, output: bytes) -> bytes | None:
        """Return what follows bash's report in the output, None while it has not come."""
        _, found, rest = output.partition(self.command.marker)
        return rest if found else None

    def never_ready(self, output: bytes, errors: bytes, code: int) -> RemoteError:
        """Why bash never reported."""
        if not exec_accepted(self.channel):
            return self.link.error("exec")
        words = [x.strip() for x in clean(errors + b"\n" + output).split("\n") if x.strip()]
        detail = (words[0] if words else f"exit {code}")[:200]
        return self.link.error("no_bash", detail=detail)

    def kill(self) -> None:
        """End the command on the node (see ``command``): politely at first. Returns soon."""
        self.finish_input()
        status = self.channel.status_event
        if status.wait(_AT_ONCE_S) or not self.link.wire.is_active():
            self.end()
        else:
            self.link.behind(self._wait_and_end, "ssh-reaper")

    def _wait_and_end(self) -> None:
        self.channel.status_event.wait(_KILL_S)
        self.end()

    def end(self) -> None:
        """Close the channel and give the session back; safe to call twice."""
        with self._lock:
            if self._released:
                return
            self._released = True
        with contextlib.suppress(*_GONE):
            self.channel.close()
        self.link.sessions.release()
