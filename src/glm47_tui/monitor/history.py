"""Fifteen minutes of numbers per NPU, in little memory.

128 nodes with 8 NPUs and four series of 900 points are 15 MiB as 4-byte floats.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import nan

SECONDS = 900
"""How far back a series reaches, in points; at the usual pace one point is one second."""


class Ring:
    """The last :data:`SECONDS` values of one series; NaN stands for "nobody knows"."""

    __slots__ = ("_at", "_full", "_values")

    def __init__(self, size: int = SECONDS) -> None:
        self._values = array("f", [nan]) * size
        self._at = 0
        self._full = False

    def add(self, value: float | None) -> None:
        """Add a value; the oldest one goes when the ring is full."""
        self._values[self._at] = nan if value is None else value
        self._at += 1
        if self._at == len(self._values):
            self._at = 0
            self._full = True

    def last(self, count: int) -> Sequence[float]:
        """Return up to ``count`` values, the newest last."""
        have = len(self._values) if self._full else self._at
        count = min(count, have)
        start = self._at - count
        if start >= 0:
            return self._values[start : self._at]
        return self._values[start:] + self._values[: self._at]

    def __len__(self) -> int:
        return len(self._values) if self._full else self._at


def thin(values: Sequence[float], points: int) -> list[float]:
    """Reduce a series to ``points`` values for a sparkline: the highest of each stretch.

    A peak must not vanish between two characters, so it is the maximum and not the mean.
    """
    if len(values) <= points:
        return list(values)
    out = []
    for i in range(points):
        part = values[i * len(values) // points : (i + 1) * len(values) // points]
        known = [v for v in part if v == v]  # noqa: PLR0124 - NaN differs from itself
        out.append(max(known) if known else nan)
    return out
