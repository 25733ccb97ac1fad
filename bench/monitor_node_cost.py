"""What the watch script costs a node besides npu-smi itself: processor time of its shell and of the
programs it starts.

The real script runs under a real bash for half a minute at 1 Hz while a log grows by 100 lines/s.
npu-smi is a stand-in that prints a table: what it takes is measured alone and taken off, as is its
start, which any way of reading the NPUs has.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bench.common import Row
from bench.feeder import npu_frame
from glm47_tui import assets

SECONDS = 30.0
BOUND = 0.01


def rows() -> list[Row]:
    """One row: share of a core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "table"
        table.write_text("\n".join(line[1:] for line in npu_frame(1)[1:-1]) + "\n")
        tool = folder / "npu-smi"
        tool.write_text(f"#!/bin/sh\nexec cat {table}\n")
        tool.chmod(0o755)
        one = _tool_alone(tool)
        share, readings = _script(folder)
    net = share - one * readings / SECONDS
    count = sum(1 for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [
        Row("the watch script on a node at 1 Hz, npu-smi taken off", f"{net:.2%} of a core",
            f"<= {BOUND:.0%}", net <= BOUND,
            f"{readings} readings, log of 100 lines/s, {count} processes on this machine"),
    ]  # fmt: skip


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tool_alone(tool: Path) -> float:
    """Seconds of processor time of one call of the stand-in."""
    before = _children()
    for _ in range(50):
        subprocess.run([tool, "info"], stdout=subprocess.DEVNULL, check=True)
    return (_children() - before) / 50


def _script(folder: Path) -> tuple[float, int]:
    log = folder / "job_log.txt"
    log.write_text("")
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    before = _children()
    watch = subprocess.Popen(
        ["bash", "-s", "--", f"log={log}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert watch.stdin is not None
    assert watch.stdout is not None
    watch.stdin.write(assets.text("scripts", "monitor.sh").encode() + b"\n")
    watch.stdin.flush()
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.extend(watch.stdout or ()))
    reader.start()
    began = time.monotonic()
    with log.open("a") as out:
        while time.monotonic() - began < SECONDS:
            out.write("(EngineCore_DP0 pid=4711) INFO 11-24 10:00:00 [loggers.py:248] text\n" * 10)
            out.flush()
            time.sleep(0.1)
    watch.stdin.close()
    watch.wait(timeout=10)  # its processor time, with that of all it waited for, is ours now
    reader.join(5)
    return (_children() - before) / SECONDS, sum(x.startswith(b"@@ npu ") for x in got)
