"""From worker threads to the screen's thread: closures in a deque, drained at 10 Hz.

``deque.append`` and ``popleft`` are atomic, so a worker never waits for the screen, and state is
only ever written by the thread that draws it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

DRAIN_MOST = 5000
"""Changes taken in at one go, so that a flood of log lines cannot starve the keys."""


class Inbox:
    """Changes waiting to be taken in, each with the topic it touches."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Callable[[], None]]] = deque()

    def put(self, topic: str, change: Callable[[], None]) -> None:
        """Hand over a change; from any thread."""
        self._waiting.append((topic, change))

    def touch(self, topic: str) -> None:
        """Say that a topic changed, when there is nothing to write."""
        self.put(topic, _nothing)

    def drain(self) -> frozenset[str]:
        """Take in what waits and return the topics touched; on the screen's thread only."""
        topics: set[str] = set()
        for _ in range(DRAIN_MOST):
            try:
                topic, change = self._waiting.popleft()
            except IndexError:
                break
            change()
            topics.add(topic)
        return frozenset(topics)


def _nothing() -> None:
    pass
