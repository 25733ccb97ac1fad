"""Recognises an answer that goes round in circles (guide, FAQ 1; errata 17)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loop:
    """A repetition: ``text`` came ``times`` times in a row."""

    text: str
    times: int


class LoopWatch:
    """Feed it streamed text; it says when the end of it repeats itself."""

    def feed(self, piece: str) -> Loop | None:
        """Take a piece; return the loop when one is seen for the first time."""
        raise NotImplementedError
