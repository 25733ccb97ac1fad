"""Log lines to events: the diagnosis runs beside the readers, never in their way."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from glm47_tui.diagnose import Catalog, Diagnoser, NodePhase, PhaseSeen, StallWatch
from glm47_tui.i18n import Msg
from glm47_tui.monitor.board import Board
from glm47_tui.monitor.logs import level_of
from glm47_tui.monitor.state import LinkState, MonitorState, WatchEvent, Weight

BACKLOG = 200_000
"""Lines that wait for the diagnosis at most; beyond that the oldest go, and it is said."""
_PAUSE_S = 0.5
_ERROR_EVERY_S = 30.0


class LogWatch:
    """Feeds a :class:`Diagnoser`; tells the board what the logs say.

    New causes, errors without one, the phase that each engine's start is in, and who stands still
    in it, for whom.
    """

    def __init__(self, board: Board, *, clock: Callable[[], float] = time.time) -> None:
        self._board = board
        self._clock = clock
        self._diagnoser = Diagnoser(Catalog.load())
        self._waiting: deque[tuple[int, list[str]]] = deque()
        self._count = 0
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()
        self._error_said: dict[int, float] = {}
        self._phases: dict[str, NodePhase] = {}
        self._stalls = StallWatch([node.name for node in board.snapshot().nodes])
        self._stuck: set[tuple[str, str, str | None]] = set()

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
        now = self._clock()
        state = self._board.snapshot()
        if batch:
            self._diagnose(batch, [node.name for node in state.nodes], now)
        self._stand_still(state, now)

    def _diagnose(
        self, batch: Iterable[tuple[int, list[str]]], names: list[str], now: float
    ) -> None:
        for node, lines in batch:
            self._stalls.heard(names[node], now)
            self._diagnoser.feed(names[node], lines, file=f"{names[node]}.log", at=now)
            self._errors(node, lines, now)
        report = self._diagnoser.report(now)
        for phase in report.phases:
            if self._phases.get(phase.node) != phase:
                self._phases[phase.node] = phase
                seen = PhaseSeen(phase.phase, phase.fraction, phase.detail)
                self._stalls.phase(phase.node, seen, now)
                self._board.phase(names.index(phase.node), phase)
        for cause in report.causes:
            key = (cause.entry, cause.place.node)
            if key in self._known:
                continue
            self._known.add(key)
            where = names.index(cause.place.node) if cause.place.node in names else None
            self._board.diagnosed(
                WatchEvent(now, f"cause.{cause.entry}", Weight.CRITICAL, where, cause.title,
                           fix=cause.fix, quote=cause.place.text)
            )  # fmt: skip

    def _stand_still(self, state: MonitorState, now: float) -> None:
        """Tell once of each wait that lasts too long; by arrival here, since clocks differ."""
        if any(node.link.state is not LinkState.UP for node in state.nodes):
            return  # what is not seen may well go on
        names = [node.name for node in state.nodes]
        found = {(s.node, s.phase, s.waits_for): s for s in self._stalls.stalls(now)}
        for key, stall in found.items():
            if key not in self._stuck:
                event = WatchEvent(now, "stall", Weight.WARNING, names.index(stall.node),
                                   stall.text, fix=stall.fix)  # fmt: skip
                self._board.diagnosed(event)
        self._stuck = set(found)

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
