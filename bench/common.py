"""Rows of the table, and how a whole process is timed."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_PX^])")


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ok`` None: nothing to compare with, or not measured here."""

    what: str
    measured: str
    bound: str
    ok: bool | None
    note: str = ""


def skipped(what: str, bound: str, why: str) -> Row:
    """A row that could not be measured here."""
    return Row(what, "not measured", bound, None, why)


def seconds(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Wall seconds of one run of a whole process; its output is thrown away."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=dict(env or os.environ))
    return time.perf_counter() - began


def in_turn(
    first: Callable[[], float], second: Callable[[], float], runs: int = 9
) -> tuple[float, float]:
    """Medians of two measurements taken in turn, after a warm-up of each: (first, second)."""
    first(), second()
    pairs = [(first(), second()) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def paint_seconds(
    command: Sequence[str], marker: bytes, size: tuple[int, int] = (120, 40), limit: float = 20.0
) -> float:
    """Seconds from the start of a process on a terminal until ``marker`` stands on the screen."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(size[0]), LINES=str(size[1]))
        os.execvp(command[0], list(command))
    try:
        return _until(terminal, marker, began, limit)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def _until(terminal: int, marker: bytes, began: float, limit: float) -> float:
    seen = b""
    while time.perf_counter() - began < limit:
        ready, _, _ = select.select([terminal], [], [], 0.5)
        if not ready:
            continue
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            break
        if marker in _ESCAPES.sub(b"", seen):
            return time.perf_counter() - began
    text = _ESCAPES.sub(b"", seen)[-300:].decode("utf-8", "replace")
    raise RuntimeError(f"{marker!r} was never painted; last seen: {text}")


def python(*args: str) -> list[str]:
    """The command of this Python with arguments."""
    return [sys.executable, *args]


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table."""
    marks = {True: "yes", False: "NO", None: "-"}
    lines = ["| what | measured | bound | within | note |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.measured} | {r.bound} | {marks[r.ok]} | {r.note} |" for r in rows]
    return "\n".join(lines)
