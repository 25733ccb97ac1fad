"""Recordings for tests of the monitor's pane, and what reads the pane."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from glm47_tui.monitor import Player, Recorder
from glm47_tui.screens.monitor_pane import MonitorPane
from glm47_tui.screens.watching import MonitorApp

SAMPLES = Path(__file__).parents[1] / "unit" / "node" / "samples"
IDLE = (SAMPLES / "npu_smi_910B2x8_idle_25.2.0_issue3906.txt").read_text()
ALARM = IDLE.replace("| OK            | 94.2 ", "| Alarm         | 94.2 ")


def npu(text: str) -> list[str]:
    return ["@@ npu 1.0 0 100 1.0", *(f" {line}" for line in text.splitlines()), "@@ end"]


def log(*lines: str, end: int) -> list[str]:
    return [f"@@ log 1 {end} -", *(f" {line}" for line in lines), "@@ end"]


def a_night(folder: Path) -> Player:
    """Two nodes: one with an alarm, logs with an error, two ranks."""
    file = folder / "night.gz"
    head = {"names": ["node0", "node1"], "addresses": ["10.77.0.10", "10.77.0.11"],
            "profile": "atlas-pair", "local_ranks": 1}  # fmt: skip
    recorder = Recorder(file, head)
    recorder.lines(0, npu(IDLE))
    recorder.lines(1, npu(ALARM))
    for node in (0, 1):
        recorder.lines(node, ["@@ log 1 0 new"])
        lines = [f"INFO 01-12 10:{i // 60:02}:{i % 60:02} [x.py:1] line {i}" for i in range(300)]
        lines[150] = "ERROR 01-12 10:02:30 [core.py:9] something broke"
        recorder.lines(node, log(*lines, end=9999))
    recorder.metrics(
        'vllm:num_requests_running{engine="0"} 3.0\nvllm:num_requests_running{engine="1"} 1.0\n'
    )
    recorder.close()
    made = Player(file)
    made.run_to_end()
    return made


def text_of(view: object) -> str:
    lines = [view.parts(y) for y in range(view.count())]  # type: ignore[attr-defined]
    return "\n".join("".join(part for part, _ in line) for line in lines)


async def drawn(app: MonitorApp, pilot: Pilot[int]) -> None:
    """Wait for the first drawing: it fills the list, and lines of ranks take room of the logs."""
    app.query_one(MonitorPane).tick()
    await pilot.pause()


def made_of(folder: Path, count: int) -> Player:
    """Return a recording of many nodes."""
    file = folder / "many.gz"
    names = [f"node{i}" for i in range(count)]
    recorder = Recorder(file, {"names": names, "addresses": names})
    for i in range(count):
        recorder.lines(i, npu(IDLE))
    recorder.close()
    made = Player(file)
    made.run_to_end()
    return made
