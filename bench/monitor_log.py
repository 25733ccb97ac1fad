"""Log lines into the monitor's pane: how many, how alive the keys stay, how flat the memory."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from bench.common import Row, python
from bench.terminal import Terminal

RATE = 50_000
KEYS = 60
MANY = 10_000_000


def rows() -> list[Row]:
    """Rate with keys, then ten million lines."""
    return [*_keys(), _memory()]


def _keys() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fed.json"
        app = Terminal(python("-m", "bench.feeder", "log", str(RATE), "3600", str(file)))
        try:
            app.until(b"following")
            app.watch(3.0)
            times = []
            for i in range(KEYS):
                app.key(" ")
                times.append(app.until(b"PAUSED" if i % 2 == 0 else b"following", 5.0))
                app.watch(0.12)
            began, cpu = app.cpu_seconds(), app.watch(10.0)
            del cpu
            used = (app.cpu_seconds() - began) / 10
        finally:
            app.end()
        fed = json.loads(file.read_text())
    rate = fed["fed"] / fed["took"]
    p95 = statistics.quantiles(times, n=20)[18]
    return [
        Row("log lines into the pane, sustained", f"{rate:,.0f} lines/s", f">= {RATE:,} lines/s",
            rate >= 0.98 * RATE, f"{used:.0%} of a core, the making of the lines included"),
        Row("key to screen at that rate, p95", f"{p95 * 1000:.0f} ms", "< 50 ms", p95 < 0.050,
            f"{KEYS} keys, median {statistics.median(times) * 1000:.0f} ms"),
    ]  # fmt: skip


def _memory() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fed.json"
        app = Terminal(python("-m", "bench.feeder", "log", "100000", "100", str(file)))
        try:
            app.until(b"following")
            app.watch(25.0)
            early = app.memory_mib()
            app.watch(77.0)
            late = app.memory_mib()
        finally:
            app.end()
        fed = json.loads(file.read_text())["fed"]
    growth = late - early
    return Row(
        "memory from a quarter to the end of the lines", f"{growth:+.1f} MiB", "flat (< 5 MiB)",
        growth < 5, f"{fed / 1e6:.1f} M lines, {late:.0f} MiB in all",
    )  # fmt: skip
