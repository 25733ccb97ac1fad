"""Run one command to its end: both outputs read together, bounded, under a limit."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import paramiko
from paramiko.buffered_pipe import PipeTimeout
from paramiko.common import cMSG_CHANNEL_WINDOW_ADJUST

from glm47_tui.remote.api import LineSink, Result
from glm47_tui.remote.command import Command
from glm47_tui.remote.lines import LineSplitter
from glm47_tui.remote.link import Link, Session

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes kept of each output; the rest is read and dropped."""
_READ = 1024 * 1024
_LOOK_S = 0.1
"""How often a wait looks at ``cancel`` and the clock."""
_LINGER_S = 2.0
"""How long after its end a command's output may stay open in silence (a child that holds it)."""


class _Bell:
    """Rings when either output has something. paramiko clears it when one of them is empty; that
    must not silence the other, so only the reader clears it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.set = self._event.set
        self.wait = self._event.wait
        self.answer = self._event.clear

    def clear(self) -> None:
        """Do nothing."""


class _Output:
    """One of the two outputs as far as it is read."""

    def __init__(self, pipe: Any, name: str, on_line: LineSink | None) -> None:
        self.pipe = pipe
        self.open = True
        self.cut = False
        self._name = name
        self.head: bytes | None = b""
        """What came before bash's report (noise); None once that has come."""
        self._kept: list[bytes] = []
        self._size = 0
        self._on_line = on_line
        self._lines = LineSplitter(progress=True)

    def take(self, data: bytes) -> None:
        room = MAX_OUTPUT - self._size
        if len(data) > room:
            self.cut = True
        if room > 0:
            self._kept.append(data[:room])
            self._size += len(self._kept[-1])
        if self._on_line is not None:
            for line in self._lines.feed(data):
                self._on_line(self._name, line)

    def end(self) -> None:
        self.open = False
        if self._on_line is not None:
            for line in self._lines.end():
                self._on_line(self._name, line)

    @property
    def data(self) -> bytes:
        if len(self._kept) > 1:
            self._kept = [b"".join(self._kept)]
        return self._kept[0] if self._kept else b""


def acknowledge(channel: Any, size: int) -> None:
    """Let the server send on: what ``channel.recv`` does after reading.

    A connection that is gone shows as the end of the output, so nothing is raised here.
    """
    more = channel._check_add_window(size)
    if more > 0:
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
        message.add_int(channel.remote_chanid)
        message.add_int(more)
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            channel.transport._send_user_message(message)


class _Pump:
    """Reads both outputs of a session until it ends."""

    def __init__(self, session: Session, on_line: LineSink | None) -> None:
        channel = session.channel
        self._session = session
        self._channel = channel
        self.out = _Output(channel.in_buffer, "out", on_line)
        self.err = _Output(channel.in_stderr_buffer, "err", on_line)
        self._bell = _Bell()
        channel.in_buffer.set_event(self._bell)
        channel.in_stderr_buffer.set_event(self._bell)

    def run(self, end: float, cancel: threading.Event | None) -> None:
        """Return when the command has ended; RemoteError limit, cancelled."""
        quiet_since = time.monotonic()
        while True:
            now = time.monotonic()
            if self._drain():
                quiet_since = now
            ended = self._channel.status_event.is_set()
            if ended and not (self.out.open or self.err.open):
                return
            if ended and now - quiet_since > _LINGER_S:
                return
            if cancel is not None and cancel.is_set():
                raise self._session.link.error("cancelled")
            if now >= end:
                raise TimeoutError
            if self.out.open or self.err.open:
                self._bell.wait(min(_LOOK_S, end - now))
            else:
                self._channel.status_event.wait(min(_LOOK_S, end - now))

    def _drain(self) -> bool:
        self._bell.answer()
        some = False
        for output in (self.out, self.err):
            while output.open:
                try:
                    data = output.pipe.read(_READ, 0.0)
                except PipeTimeout:
                    break
                if not data:
                    output.end()
                    break
                some = True
                acknowledge(self._channel, len(data))
                self._take(output, data)
        return some

    def _take(self, output: _Output, data: bytes) -> None:
        if output.head is not None:
            output.head += data
            rest = self._session.saw_ready(output.head)
            if rest is None:
                output.head = output.head[-MAX_OUTPUT:]
                return
            output.head, data = None, rest
        if data:
            output.take(data)


def run(
    link: Link,
    command: Command,
    *,
    timeout: float,
    on_line: LineSink | None = None,
    cancel: threading.Event | None = None,
    data: bytes | None = None,
) -> Result:
    """See ``Connection.run``. ``data`` is sent to standard input, on a thread of its own."""
    began = time.monotonic()
    end = began + timeout
    session = link.start(command, timeout, cancel)
    pump = _Pump(session, on_line)
    try:
        if data is not None:
            link.behind(lambda: _feed(data, session, end), "ssh-feed")
        pump.run(end, cancel)
    except TimeoutError:
        session.kill()
        raise link.error("limit", seconds=round(timeout)) from None
    except BaseException:
        session.kill()
        raise
    code = session.channel.exit_status
    session.end()
    if code < 0 and not link.wire.is_active():
        raise link.lost()
    if pump.out.head is not None:
        raise session.never_ready(pump.out.head, pump.err.head or pump.err.data, code)
    return Result(
        out=pump.out.data.decode("utf-8", "replace"),
        err=pump.err.data.decode("utf-8", "replace"),
        code=code if code >= 0 else 255,  # ended by a signal: as ssh itself answers
        seconds=time.monotonic() - began,
        cut=pump.out.cut or pump.err.cut,
    )


def _feed(data: bytes, session: Session, end: float) -> None:
    try:
        session.send(data, end)
    finally:
        session.finish_input()
