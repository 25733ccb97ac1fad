"""A stream that is cut again and again: every line of the log is handed on once, in order."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from glm47_tui.monitor.frames import FrameReader, LogPlace, Sinks

LINES = [f"line {i}" for i in range(400)]
INODE = 7


def sinks(got: list[str]) -> Sinks:
    return Sinks(
        npu=lambda _reading: None,
        procs=lambda _procs: None,
        log=got.extend,
        log_note=lambda _note: None,
        failed=lambda _why: None,
    )


def stream(place: LogPlace | None, dice: random.Random) -> Iterator[str]:
    """What monitor.sh prints from a place on; an offset counts lines here, not bytes."""
    at = 0
    if place is None:
        yield f"@@ log {INODE} 0 new"
    else:
        at = place.offset
    while at < len(LINES):
        size = dice.randint(1, 60)
        chunk = LINES[at : at + size]
        at += len(chunk)
        yield f"@@ log {INODE} {at} -"
        yield from (f" {line}" for line in chunk)
        yield "@@ end"
        yield "@@ procs 1.0"
        yield "@@ end"


@pytest.mark.parametrize("seed", range(50))
def test_no_line_is_lost_or_doubled_however_often_the_stream_is_cut(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    got: list[str] = []
    reader = FrameReader(sinks(got))
    for _ in range(40):
        lines = list(stream(reader.resume(), dice))
        cut = dice.randint(0, min(len(lines), 80))
        for line in lines[:cut]:
            reader.feed([line])
    reader.feed(list(stream(reader.resume(), dice)))
    assert got == LINES
