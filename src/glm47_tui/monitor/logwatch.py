"""Log lines to events: the diagnosis runs beside the readers, never in their way."""

from __future__ import annotations

import threading
import time
from collections import deque

from glm47_tui.diagnose import Catalog, Diagnoser
from glm47_tui.i18n import Msg
from glm47_tui.monitor.board import Board
from glm47_tui.monitor.logs import level_of
from glm47_tui.monitor.state import WatchEvent, Weight

BACKLOG = 200_000
"""Lines that wait for the diagnosis at most; beyond that the oldest go, and it is said."""
_PAUSE_S = 0.5
_ERROR_EVERY_S = 30.0


class LogWatch:
    """Feeds a :class:`Diagnoser` and tells the board of new causes, and of errors without one."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._diagnoser = Diagnoser(Catalog.load())
        self._waiting: deque[tuple[int, list[str]]] = deque()
        self._count = 0
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()
        self._error_said: dict[int, float] = {}

    def feed(self, node: int, lines: list[str]) -> None:
        """Take lines; called by readers, returns at once."""
        with self._lock:
            self._waiting.append((node, lines))
            self._count += len(lines)
            while self._count > BACKLOG and len(self._waiting) > 1:
                self._count -= len(self._waiting.popleft()[1])

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        while not stop.wait(_PAUSE_S):
            self.work()

    def work(self) -> None:
        """Diagnose what has arrived since the last call."""
        with self._lock:
            batch, self._waiting = self._waiting, deque()
            self._count = 0
        if not batch:
            return
        names = [node.name for node in self._board.snapshot().nodes]
        now = time.time()
        for node, lines in batch:
            self._diagnoser.feed(names[node], lines, file=f"{names[node]}.log", at=now)
            self._errors(node, lines, now)
        for cause in self._diagnoser.report(now).causes:
            key = (cause.entry, cause.place.node)
            if key in self._known:
                continue
            self._known.add(key)
            where = names.index(cause.place.node) if cause.place.node in names else None
            self._board.diagnosed(
                WatchEvent(now, f"cause.{cause.entry}", Weight.CRITICAL, where, cause.title,
                           fix=cause.fix, quote=cause.place.text)
            )  # fmt: skip

    def _errors(self, node: int, lines: list[str], now: float) -> None:
        if now - self._error_said.get(node, 0.0) < _ERROR_EVERY_S:
            return
        for line in lines:
            if (level_of(line) or 0) >= 3:
                self._error_said[node] = now
                what = Msg.of("monitor.event.log_error", line=line[:160])
                event = WatchEvent(now, "log_error", Weight.WARNING, node, what, quote=line[:400])
                self._board.diagnosed(event)
                return
