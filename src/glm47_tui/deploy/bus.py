"""Where the events of a run go: to the caller and into the journal, one at a time."""

from __future__ import annotations

import threading
from contextlib import suppress

from glm47_tui.deploy.events import Emit, Event, LogLine, RunEnded, Status, StepChanged
from glm47_tui.deploy.journal import Journal
from glm47_tui.i18n import Msg


class Bus:
    """Hands events on in one order for all, and remembers what is under way.

    A caller whose ``emit`` fails (its screen is gone) is not called again: a deployment never ends
    because nobody watches.
    """

    def __init__(self, emit: Emit, journal: Journal | None) -> None:
        self._to = emit
        self._deaf = False
        self._over = False
        self._journal = journal
        self._lock = threading.RLock()
        self.changed = 0
        self.under_way: dict[tuple[str, int], Status] = {}

    def emit(self, event: Event) -> None:
        """Hand one event on, until the run has ended. Thread-safe."""
        with self._lock:
            if self._over:
                return
            self._over = isinstance(event, RunEnded)
            if self._journal is not None:
                self._journal.write(event)
            if self._deaf:
                return
            try:
                self._to(event)
            except Exception:
                self._deaf = True

    def step(self, stage: str, node: int, status: Status, note: Msg | None = None) -> None:
        """Say where a step stands on a node."""
        with self._lock:
            self.under_way[stage, node] = status
            self.emit(StepChanged(stage, node, status, note))

    def status(self, stage: str, node: int) -> Status | None:
        """Return what was said last of a step on a node."""
        return self.under_way.get((stage, node))

    def count_change(self) -> None:
        """A step changed something on a node."""
        with self._lock:
            self.changed += 1

    def log(self, node: int, source: str, text: str) -> None:
        """A line from a node."""
        self.emit(LogLine(node, source, text))

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            with suppress(OSError):
                self._journal.close()
