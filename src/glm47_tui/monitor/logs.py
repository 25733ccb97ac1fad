"""The last lines of every node's log, in bounded memory, filtered and merged on demand."""

from __future__ import annotations

import heapq
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

KEEP = 20_000
"""Lines kept per node. What is older is in the node's own file."""
LINE_CHARS = 4096
"""Characters kept of one line: with --enable-log-requests a line holds a whole prompt."""
CUT = " [...]"

# As vLLM begins its lines: "(EngineCore_DP0 pid=9) INFO 01-12 10:53:02 [file.py:1] ...".
VLLM_HEAD = re.compile(
    r"(?:\([^)]{1,60}\) )?(DEBUG|INFO|WARN|ERROR|CRITICAL)\w* (\d\d-\d\d \d\d:\d\d:\d\d)"
)
# ... or, what vLLM did not write itself: "(APIServer pid=9) INFO:     Started server process [9]".
_PROCESS = re.compile(
    r"\((?:Worker_)?(\w{1,40}) pid=\d+\) "
    r"(?:([A-Z]{4,8})(?: \d\d-\d\d (\d\d:\d\d:\d\d) \[[^\]]{1,80}\] |: +))?"
)
_STAMP = re.compile(r"(?:\b|\d{4}-)(\d\d-\d\d)[ T:-](\d\d:\d\d:\d\d)")
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARN|ERROR|CRITICAL|FATAL)|(Traceback \(most|\w+Error: )")
RANKS = {"DEBUG": 0, "INFO": 1, "WARN": 2, "ERROR": 3, "CRITICAL": 4, "FATAL": 4}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Line(NamedTuple):
    """One line. ``number`` counts from 1 per node since the monitor began; ``stamp`` sorts.

    ``level`` indexes :data:`LEVELS`; a line without one has its predecessor's (tracebacks).
    """

    node: int
    number: int
    text: str
    level: int
    stamp: str
    order: int


def read_head(text: str) -> tuple[int | None, str]:
    """Return (level, stamp) of a line: see :func:`level_of` and :func:`stamp_of`."""
    found = VLLM_HEAD.match(text)
    if found is not None:
        return RANKS[found[1]], found[2]
    return level_of(text), stamp_of(text)


def level_of(text: str) -> int | None:
    """Return the index into :data:`LEVELS` a line names itself, None when it names none."""
    found = _LEVEL.search(text, 0, 160)
    if found is None:
        return None
    return 3 if found[2] else RANKS[found[1]]


def stamp_of(text: str) -> str:
    """Return ``MM-DD HH:MM:SS`` of a line that carries a time, "" otherwise."""
    found = _STAMP.search(text, 0, 120)
    return "" if found is None else f"{found[1]} {found[2]}"


def brief(text: str) -> str:
    """Return a line with its head cut down to process and time, for narrow places.

    ``(Worker_DP0_TP3_EP3 pid=9) INFO 01-12 10:53:02 [file.py:1] ...`` takes sixty columns before it
    says anything. The level is told by the line's mark.
    """
    found = _PROCESS.match(text)
    if found is None:
        return text
    process, level, stamp = found.groups()
    words = [process, stamp, "" if level in ("INFO", "DEBUG") else level, text[found.end() :]]
    return " ".join(word for word in words if word)


class LogStore:
    """Lines of all nodes. Fed by reader threads, read by a face.

    Feeding does as little as possible: level and time are worked out when a line is looked at.
    """

    def __init__(self, nodes: int, keep: int = KEEP) -> None:
        self._lines: list[deque[tuple[int, str]]] = [deque(maxlen=keep) for _ in range(nodes)]
        self._counts = [0] * nodes
        self._order = 0
        self._lock = threading.Lock()

    def feed(self, node: int, lines: Sequence[str]) -> None:
        """Add lines of a node, in order."""
        if lines and max(map(len, lines)) > LINE_CHARS:
            lines = [x if len(x) <= LINE_CHARS else x[:LINE_CHARS] + CUT for x in lines]
        with self._lock:
            first = self._order
            self._order += len(lines)
            self._counts[node] += len(lines)
            self._lines[node].extend(enumerate(lines, first))

    def count(self, node: int) -> int:
        """How many lines a node has sent so far, those no longer kept included."""
        return self._counts[node]

    @property
    def total(self) -> int:
        """How many lines all nodes have sent: changes whenever there is something new."""
        return self._order

    def since(self, node: int, number: int) -> tuple[int, list[tuple[int, str]]]:
        """Return what came after line ``number``: (number of the first one, (order, text) pairs).

        Lines that are no longer kept are skipped: the first number tells.
        """
        with self._lock:
            lines, count = self._lines[node], self._counts[node]
            new = min(count - number, len(lines))
            if new <= 0:
                return count + 1, []
            if new == len(lines):
                return count - new + 1, list(lines)
            # From the right: new lines are few against those kept.
            tail = list(islice(reversed(lines), new))
        tail.reverse()
        return count - new + 1, tail

    def raw(self, node: int, last: int) -> list[str]:
        """Return the last lines of a node as they came."""
        with self._lock:
            lines = self._lines[node]
            return [text for _, text in islice(lines, max(0, len(lines) - last), None)]

    def lines(
        self,
        nodes: Sequence[int],
        *,
        level: int = 0,
        matches: Callable[[str], object] | None = None,
        last: int = 2000,
    ) -> list[Line]:
        """Return the last lines of some nodes that pass a filter, merged by time.

        Lines of one node keep their order whatever their stamps say; between nodes the stamps
        decide, and where there are none the order of arrival.
        """
        streams = [self._typed(node, level, matches, last) for node in nodes]
        merged = heapq.merge(*streams, key=lambda line: (line.stamp, line.order))
        return list(deque(merged, maxlen=last))

    def _typed(
        self, node: int, level: int, matches: Callable[[str], object] | None, last: int
    ) -> list[Line]:
        with self._lock:
            raw = list(self._lines[node])
            count = self._counts[node]
        return list(_typed(node, count - len(raw), raw, level, matches))[-last:]

    def first_error(self, node: int) -> int | None:
        """Return the number of the first kept line with level ERROR or worse."""
        with self._lock:
            raw = list(self._lines[node])
            count = self._counts[node]
        for i, (_, text) in enumerate(raw):
            if (level := level_of(text)) is not None and level >= 3:
                return count - len(raw) + i + 1
        return None


def _typed(
    node: int,
    before: int,
    raw: Sequence[tuple[int, str]],
    level: int,
    matches: Callable[[str], object] | None,
) -> Iterator[Line]:
    current, stamp = 1, ""
    for i, (order, text) in enumerate(raw):
        own, found = read_head(text)
        current = current if own is None else own
        # Stamps of a node never go back: a line without one belongs to the line before it.
        stamp = max(stamp, found)
        if current >= level and (matches is None or matches(text)):
            yield Line(node, before + i + 1, text, current, stamp, order)
