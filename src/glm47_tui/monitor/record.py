"""Recording what came from the nodes, and playing it again: last night, looked at in the morning.

A recording is gzip'ed JSON lines: a head, then ``[seconds since the start, node, lines]`` with the
lines as they came from ``monitor.sh``, or ``[seconds, -1, text]`` for /metrics. Playing feeds the
same readers, so it shows what was shown. A recording that was cut off plays up to the cut.
"""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg

VERSION = 1
_SYNC_S = 5.0
METRICS = -1
"""Stands where a node number stands, for the text of /metrics."""


class Recorder:
    """Writes a recording; many feeders. A full disk ends the recording and nothing else."""

    def __init__(self, file: Path, head: dict[str, Any]) -> None:
        try:
            # Logs may hold what people asked the model: for the owner alone.
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
            self._out = gzip.open(file, "wt", encoding="utf-8", compresslevel=5)  # noqa: SIM115
        except OSError as error:
            raise _unusable(file, error.strerror or str(error)) from None
        self._began = time.time()
        self._synced = time.monotonic()
        self._lock = threading.Lock()
        self.error: str | None = None
        self._write({"glm47-tui": VERSION, "began": self._began, **head})

    def lines(self, node: int, lines: Sequence[str]) -> None:
        """Record a batch of lines of a node."""
        self._write([round(time.time() - self._began, 3), node, list(lines)])

    def metrics(self, text: str) -> None:
        """Record a reading of /metrics."""
        self._write([round(time.time() - self._began, 3), METRICS, text])

    def _write(self, data: Any) -> None:
        with self._lock:
            if self.error is not None:
                return
            try:
                self._out.write(json.dumps(data, ensure_ascii=False) + "\n")
                if time.monotonic() - self._synced > _SYNC_S:
                    self._out.flush()
                    self._synced = time.monotonic()
            except (OSError, ValueError) as error:
                # ValueError: closed; a reader that was not done at the end.
                self.error = getattr(error, "strerror", None) or str(error)

    def close(self) -> None:
        """End the recording."""
        with self._lock:
            try:
                self._out.close()
            except OSError as error:
                self.error = self.error or str(error)


class Recording:
    """A recorded file. Raises UserError when it is none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        items = self._items()
        head = next(items, None)
        if not isinstance(head, dict) or head.get("glm47-tui") != VERSION:
            raise _unusable(file, "")
        self.head: dict[str, Any] = head

    def _items(self) -> Iterator[Any]:
        try:
            with gzip.open(self._file, "rt", encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    yield json.loads(line)
        except (EOFError, zlib.error, json.JSONDecodeError, gzip.BadGzipFile):
            return  # cut off while it was being written: what is whole has been played
        except OSError as error:
            raise _unusable(self._file, error.strerror or str(error)) from None

    def play(
        self,
        lines: Callable[[int, Sequence[str]], None],
        metrics: Callable[[str], None],
        at: Callable[[float], None],
        *,
        stop: threading.Event,
        speed: Callable[[], float],
        start_s: float = 0.0,
    ) -> None:
        """Feed the recording at its own pace times ``speed()`` (0: paused) from ``start_s`` on.

        What lies before ``start_s`` is fed at once, so that histories are full. ``at`` is told
        the recorded time (seconds since 1970) before each item. Ends when ``stop`` is set.
        """
        items = self._items()
        next(items, None)
        position = start_s
        for item in items:
            if stop.is_set() or not isinstance(item, list) or len(item) != 3:
                return
            seconds, node, content = item
            while position < seconds and not stop.is_set():
                pace = speed()
                step = min(0.1, (seconds - position) / pace) if pace > 0 else 0.1
                stop.wait(step)
                position += step * pace
            at(self.head["began"] + seconds)
            if node == METRICS:
                metrics(content)
            else:
                lines(node, content)


def _unusable(file: Path, detail: str) -> UserError:
    return UserError(
        Msg.of("monitor.recording_bad", file=str(file), detail=detail), exit_code=Exit.USAGE
    )
