"""Recognises an answer that goes round in circles (guide, FAQ 1; errata 17).

GLM-4.7 at times repeats a phrase or a paragraph without an end. The watch looks at the last
characters of the stream now and then and asks for the shortest period of its end; how often a
period must come depends on its length, since rules, tables and indentation repeat too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TAIL: Final = 8192
"""Characters looked at. The longest period found is a third of it."""
EVERY: Final = 160
"""Characters between two looks: one costs about a millisecond."""

_NEEDED: Final = ((8, 480), (40, 400), (200, 480))
"""Below this period (characters), this much text must repeat; above the last, three times."""


@dataclass(frozen=True)
class Loop:
    """A repetition: ``text`` came ``times`` times in a row."""

    text: str
    times: int


def _long_enough(period: int, length: int) -> bool:
    for below, need in _NEEDED:
        if period < below:
            return length >= max(need, 4 * period)
    return length >= 3 * period


def find_loop(text: str) -> Loop | None:
    """Return the repetition a text ends with, None when it has none that counts."""
    backwards = text[::-1]
    border = [0] * len(backwards)  # of Knuth, Morris and Pratt, over the text's suffixes
    at = 0
    found: tuple[int, int] | None = None
    for i in range(1, len(backwards)):
        while at and backwards[i] != backwards[at]:
            at = border[at - 1]
        if backwards[i] == backwards[at]:
            at += 1
        border[i] = at
        length, period = i + 1, i + 1 - at
        if period * 2 <= length and _long_enough(period, length):
            found = (period, length)
    if found is None:
        return None
    period, length = found
    unit = text[len(text) - period :]
    return Loop(unit, length // period) if unit.strip() else None


class LoopWatch:
    """Feed it streamed text; it says when the end of it repeats itself, once.

    After ``reset`` it may speak again (a new answer, or the user chose to let it go on).
    """

    def __init__(self) -> None:
        self._tail = ""
        self._unseen = 0
        self._told = False

    def feed(self, piece: str) -> Loop | None:
        """Take a piece; return the loop when one is seen for the first time."""
        self._tail = (self._tail + piece)[-TAIL:]
        self._unseen += len(piece)
        if self._told or self._unseen < EVERY:
            return None
        self._unseen = 0
        loop = find_loop(self._tail)
        self._told = loop is not None
        return loop

    def reset(self) -> None:
        """Begin anew."""
        self._tail = ""
        self._unseen = 0
        self._told = False
