"""A limit on a wait that does not count the time a user thinks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A point in time to be done by, seconds from now. Thread-safe."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._end = time.monotonic() + seconds
        self._paused_at: list[float] = []

    def left(self) -> float:
        """Seconds left, never below 0; as at the start of the pause while paused."""
        with self._lock:
            now = self._paused_at[0] if self._paused_at else time.monotonic()
            return max(0.0, self._end - now)

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self.left() <= 0.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock: a user is being asked."""
        with self._lock:
            self._paused_at.append(time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                start = self._paused_at.pop(0)
                if not self._paused_at:
                    self._end += time.monotonic() - start
                else:  # overlapping questions: count the common part once
                    self._end += self._paused_at[0] - start
