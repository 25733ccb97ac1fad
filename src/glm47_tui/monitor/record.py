"""Recording what came from the nodes, and playing it again: last night, looked at in the morning.

A recording is gzip'ed JSON lines: a head, then ``[seconds since the start, node, lines]`` with the
lines as they came from ``monitor.sh``, ``[seconds, -1, text]`` for /metrics, or ``[seconds, -2,
{...}]`` for what the monitor itself saw: connections, ranks that were asked and what they said.
Playing feeds the same readers, so it shows what was shown. A recording that was cut off plays up to
the cut.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg

VERSION = 1
_SYNC_S = 2.0
METRICS = -1
"""Stands where a node number stands, for the text of /metrics."""
SEEN = -2
"""Stands where a node number stands, for what the monitor itself saw."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What could drive the terminal, in a file that came from who knows where."""


class Recorder:
    """Writes a recording; many feeders. A full disk ends the recording and nothing else."""

    def __init__(self, file: Path, head: dict[str, Any]) -> None:
        try:
            # Logs may hold what people asked the model: for the owner alone.
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
            self._out = gzip.open(file, "wt", encoding="utf-8", compresslevel=5)  # noqa: SIM115
        except OSError as error:
            why = error.strerror or str(error)
            told = Msg.of("monitor.recording.unwritable", file=str(file), why=why)
            raise UserError(told, exit_code=Exit.USAGE) from None
        self.file = file
        self._began = time.time()
        self._synced = float("-inf")  # the head is on disk at once
        self._lock = threading.Lock()
        self.error: str | None = None
        """Why the recording is not whole; None while it is."""
        self._closed = False
        self._write({"glm47-tui": VERSION, "began": self._began, **head})

    def lines(self, node: int, lines: Sequence[str]) -> None:
        """Record a batch of lines of a node."""
        self._write([round(time.time() - self._began, 3), node, list(lines)])

    def metrics(self, text: str) -> None:
        """Record a reading of /metrics."""
        self._write([round(time.time() - self._began, 3), METRICS, text])

    def seen(self, **what: Any) -> None:
        """Record what the monitor saw beside what came from the nodes; see ``Player``."""
        self._write([round(time.time() - self._began, 3), SEEN, what])

    def _write(self, data: Any) -> None:
        with self._lock:
            if self.error is not None or self._closed:
                return  # closed: a reader that was not done at the end
            try:
                self._out.write(json.dumps(data, ensure_ascii=False) + "\n")
                if time.monotonic() - self._synced > _SYNC_S:
                    self._out.flush()
                    self._synced = time.monotonic()
            except OSError as error:
                self.error = error.strerror or str(error)

    def close(self) -> None:
        """End the recording."""
        with self._lock:
            self._closed = True
            try:
                self._out.close()
            except OSError as error:
                self.error = self.error or error.strerror or str(error)


class Recording:
    """A recorded file. Raises UserError when it is none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.head: dict[str, Any] = self._head()
        self._nodes = len(self.head["names"])

    def _head(self) -> dict[str, Any]:
        try:
            if not self._file.stat().st_size:
                raise self._unusable("empty")
            with gzip.open(self._file, "rb") as raw:
                raw.peek(1)
        except (gzip.BadGzipFile, zlib.error):
            raise self._unusable("no_gzip") from None
        except EOFError:
            raise self._unusable("empty") from None
        except OSError as error:
            raise self._unusable("unread", why=error.strerror or str(error)) from None
        head = next(self._items(), None)
        if not isinstance(head, dict) or "glm47-tui" not in head:
            raise self._unusable("other")
        if head["glm47-tui"] != VERSION:
            raise self._unusable("version", found=head["glm47-tui"], wanted=VERSION)
        names, addresses = head.get("names"), head.get("addresses")
        ranks = head.setdefault("local_ranks", 1)
        if not (
            isinstance(head.get("began"), (int, float)) and isinstance(ranks, int) and ranks > 0
            and isinstance(names, list) and isinstance(addresses, list)
            and len(names) == len(addresses) > 0
        ):  # fmt: skip
            raise self._unusable("other")
        head["names"] = [_CONTROL.sub("", str(name)) for name in names]
        head["addresses"] = [_CONTROL.sub("", str(address)) for address in addresses]
        return head

    def _unusable(self, reason: str, **values: object) -> UserError:
        detail = Msg.of(f"monitor.recording.{reason}", **values)
        told = Msg.of("monitor.recording.bad", file=str(self._file), detail=detail)
        return UserError(told, exit_code=Exit.USAGE)

    def _items(self) -> Iterator[Any]:
        try:
            with gzip.open(self._file, "rt", encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    yield json.loads(line)
        except (EOFError, zlib.error, ValueError, RecursionError, gzip.BadGzipFile):
            return  # cut off while it was being written: what is whole has been played
        except OSError as error:
            raise self._unusable("unread", why=error.strerror or str(error)) from None

    def _typed(self) -> Iterator[tuple[float, int, Any]]:
        """The items up to the first that is none of this format: what comes then is damaged."""
        items = self._items()
        next(items, None)
        for item in items:
            if not isinstance(item, list) or len(item) != 3:
                return
            seconds, node, content = item
            if type(seconds) not in (int, float) or type(node) is not int:
                return
            if (node == METRICS and isinstance(content, str)) or (
                node == SEEN and isinstance(content, dict)
            ):
                yield seconds, node, content
            elif 0 <= node < self._nodes and isinstance(content, list):
                yield seconds, node, [_CONTROL.sub("", str(line)) for line in content]
            else:
                return

    def play(
        self,
        lines: Callable[[int, Sequence[str]], None],
        metrics: Callable[[str], None],
        seen: Callable[[dict[str, Any]], None],
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
        position = start_s
        for seconds, node, content in self._typed():
            while position < seconds and not stop.is_set():
                pace = speed()
                step = min(0.1, (seconds - position) / pace) if pace > 0 else 0.1
                stop.wait(step)
                position += step * pace
            if stop.is_set():
                return
            at(self.head["began"] + seconds)
            if node == METRICS:
                metrics(content)
            elif node == SEEN:
                seen(content)
            else:
                lines(node, content)
