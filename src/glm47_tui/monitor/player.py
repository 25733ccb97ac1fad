"""Plays a recording into a board: pause, faster, jump."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glm47_tui.monitor.board import Board
from glm47_tui.monitor.logwatch import LogWatch
from glm47_tui.monitor.record import Recording
from glm47_tui.monitor.state import Link, LinkState
from glm47_tui.monitor.watches import Thresholds
from glm47_tui.service import parse_metrics

SPEEDS = (0.0, 1.0, 4.0, 16.0, 60.0, 300.0)
LOOK_S = 0.5
"""Recorded seconds between two looks of the diagnosis at what came."""
_LINKS = {state.value for state in LinkState}


class Player:
    """Has the face of a :class:`~glm47_tui.monitor.monitor.Monitor`: board, start, stop."""

    def __init__(
        self, file: Path, *, thresholds: Thresholds | None = None, start_s: float = 0.0
    ) -> None:
        self.recording = Recording(file)
        head = self.recording.head
        self._at = float(head["began"])
        self._start_s = start_s
        self._speed = 1.0
        self.ended = False
        self.board = Board(
            head["names"],
            head["addresses"],
            profile=str(head.get("profile", "")),
            local_ranks=head["local_ranks"],
            clock=lambda: self._at,
            thresholds=thresholds,
        )
        self._logwatch = LogWatch(self.board, clock=lambda: self._at)
        self.board.on_log = self._logwatch.feed
        self._looked = self._at
        self._healthy: bool | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def at(self) -> float:
        """The recorded time being played, seconds since 1970."""
        return self._at

    @property
    def speed(self) -> float:
        """How many recorded seconds pass in one; 0 is a pause."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._speed = value

    def change_speed(self, step: int) -> None:
        """Play by so many of :data:`SPEEDS` faster (or slower)."""
        at = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.speed))
        self.speed = SPEEDS[min(max(at + step, 0), len(SPEEDS) - 1)]

    def start(self) -> None:
        """Begin to play, ``start_s`` seconds after the beginning; once it has ended, do nothing."""
        if self.ended:
            return
        self._thread = threading.Thread(
            target=self._run, args=(self._start_s,), name="monitor-player", daemon=True
        )
        self._thread.start()

    def run_to_end(self) -> None:
        """Feed all of it at once (for ``--once`` and tests)."""
        self._speed = float("inf")
        self._run(0.0)

    def stop(self, wait_s: float = 1.0) -> None:
        """End the playing."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self, start_s: float) -> None:
        def lines(node: int, batch: Sequence[str]) -> None:
            self.board.reader(node).feed(batch)

        def metrics(text: str) -> None:
            self.board.metrics(parse_metrics(text, now=self._at), healthy=self._healthy)

        def at(when: float) -> None:
            if when - self._looked >= LOOK_S:
                self._logwatch.work()
                self._looked = when
            self._at = when

        self.recording.play(
            lines, metrics, self._seen, at, stop=self._stop, speed=lambda: self._speed,
            start_s=start_s,
        )  # fmt: skip
        self._logwatch.work()
        self.ended = True

    def _seen(self, what: dict[str, Any]) -> None:
        """Take what the monitor saw then; what a later version may add is passed over."""
        match what:
            case {"link": str(state), "node": int(node), "attempt": int(n), "error": str(error)}:
                if 0 <= node < len(self.board.snapshot().nodes) and state in _LINKS:
                    wait = what.get("wait")
                    due = self._at + wait if isinstance(wait, (int, float)) else None
                    self.board.link(node, Link(LinkState(state), self._at, n, due, error))
            case {"asked": str(rank)}:
                self.board.rank_asked(rank)
            case {"answered": str(rank), "ok": bool(ok)}:
                self.board.rank_answered(rank, ok)
            case {"healthy": bool(healthy)}:
                self._healthy = healthy
            case {"engine_error": str(error)}:
                self.board.metrics(None, healthy=False, error=error)
