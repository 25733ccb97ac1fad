"""What watching many nodes costs: share of a core, memory, and how it grows with the nodes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench.common import Row, python
from bench.terminal import Terminal

SECONDS = 20.0
SIZE = (160, 50)


def rows() -> list[Row]:
    """16, 64 and 128 nodes with eight NPUs each, one reading a second."""
    few, _ = _cost(16)
    half, _ = _cost(64)
    many, memory = _cost(128)
    growth = many / half
    return [
        Row("16 nodes x 8 NPUs at 1 Hz", f"{few:.1%} of a core", "< 10 %", few < 0.10,
            "app on a 160 x 50 terminal"),
        Row("128 nodes x 8 NPUs at 1 Hz", f"{many:.1%} of a core", "< 60 %", many < 0.60,
            f"64 nodes: {half:.1%}"),
        Row("128 nodes: memory", f"{memory:.0f} MiB", "< 250 MiB", memory < 250, ""),
        Row("cost from 64 to 128 nodes", f"{growth:.2f} x", "linear (<= 2.2 x)", growth <= 2.2, ""),
    ]  # fmt: skip


def _cost(nodes: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fed.json"
        command = python("-m", "bench.feeder", "nodes", str(nodes), "0", str(file))
        app = Terminal(command, SIZE)
        try:
            app.until(b"node1")
            app.watch(5.0)
            before = app.cpu_seconds()
            app.watch(SECONDS)
            cost, memory = (app.cpu_seconds() - before) / SECONDS, app.memory_mib()
        finally:
            app.end()
        fed = json.loads(file.read_text())
    # Readings that were not fed would cost nothing: the pace must have been kept.
    if fed["fed"] < 0.95 * nodes * (SECONDS + 5):
        raise RuntimeError(f"only {fed['fed']} readings were fed for {nodes} nodes")
    return cost, memory
