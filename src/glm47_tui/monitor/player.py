"""Plays a recording into a board: pause, faster, jump."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from glm47_tui.monitor.board import Board
from glm47_tui.monitor.record import Recording
from glm47_tui.monitor.watches import Thresholds
from glm47_tui.service import parse_metrics

SPEEDS = (0.0, 1.0, 4.0, 16.0, 60.0, 300.0)


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
            list(head.get("names", [])),
            list(head.get("addresses", [])),
            profile=str(head.get("profile", "")),
            local_ranks=int(head.get("local_ranks", 1)),
            clock=lambda: self._at,
            thresholds=thresholds,
        )
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
            self.board.metrics(parse_metrics(text, now=self._at), healthy=None)

        def at(when: float) -> None:
            self._at = when

        self.recording.play(
            lines, metrics, at, stop=self._stop, speed=lambda: self._speed, start_s=start_s
        )
        self.ended = True
