"""A command that goes on: batches of lines on a thread of its own until it ends or is closed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

import paramiko

from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.lines import LineSplitter
from glm47_tui.remote.link import Link, Session
from glm47_tui.remote.run import acknowledge

OnLines = Callable[[Sequence[str]], None]
OnEnd = Callable[[Exception | None], None]
_READ = 1024 * 1024
_SEND_LIMIT_S = 15.0
_BUSY = 16_384
_GATHER_S = 0.01
"""While much comes in, wait this long between reads: fewer, larger batches cost far less."""


class LineStream:
    """See ``api.Stream``. Exactly one item a newline; an unfinished line is handed over only when
    the command ended by itself (after a cut, a reader can resume by counting lines)."""

    def __init__(
        self, link: Link, session: Session, on_lines: OnLines, on_end: OnEnd | None
    ) -> None:
        self._link = link
        self._session = session
        self._on_lines = on_lines
        self._on_end = on_end
        self._closing = threading.Event()
        self._ended = threading.Event()
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="ssh-stream", daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether no more lines will come."""
        return self._ended.is_set()

    def send(self, data: bytes) -> None:
        """Write to standard input; RemoteError when the command is gone or reads nothing."""
        try:
            with self._sending:
                if self._closing.is_set() or self._ended.is_set():
                    raise EOFError
                self._session.send(data, time.monotonic() + _SEND_LIMIT_S)
        except (EOFError, OSError, paramiko.SSHException):
            raise self._link.lost() from None

    def close(self) -> None:
        """End the command; its reader ends by itself."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._session.kill()

    def _read(self) -> None:
        error: Exception | None = None
        try:
            error = self._loop()
        except RemoteError as failure:
            error = failure
        except (EOFError, OSError, paramiko.SSHException):
            error = self._link.lost()
        except Exception as failure:  # a fault in on_lines: the stream ends, and says so
            error = failure
        finally:
            self._ended.set()
            if self._closing.is_set():
                error = None
            else:
                with contextlib.suppress(Exception):
                    self._session.kill()
            if self._on_end is not None:
                self._on_end(error)

    def _loop(self) -> Exception | None:
        channel = self._session.channel
        splitter = LineSplitter()
        head: bytes | None = b""
        while True:
            try:
                # settimeout belongs to the sender; reading waits on the buffer itself.
                data = channel.in_buffer.read(_READ, 5.0)
            except OSError:  # PipeTimeout: nothing came
                if channel.closed or not self._link.wire.is_active():
                    data = b""
                else:
                    continue
            if not data:
                break
            acknowledge(channel, len(data))
            if head is not None:
                head += data
                rest = self._session.saw_ready(head)
                if rest is None:
                    head = head[-_READ:]
                    continue
                head, data = None, rest
            lines = splitter.feed(data)
            if lines:
                self._on_lines(lines)
            if len(data) >= _BUSY:
                self._closing.wait(_GATHER_S)
        return self._finish(splitter, head)

    def _finish(self, splitter: LineSplitter, head: bytes | None) -> Exception | None:
        channel = self._session.channel
        channel.status_event.wait(2.0)
        if self._closing.is_set():
            return None
        if channel.exit_status < 0 and not (channel.eof_received and self._link.wire.is_active()):
            return self._link.lost()
        if head is not None:
            errors = b""
            with contextlib.suppress(OSError):
                errors = channel.in_stderr_buffer.read(65536, 0.5)
            return self._session.never_ready(head, errors, channel.exit_status)
        rest = splitter.end()
        if rest:
            self._on_lines(rest)
        return None
