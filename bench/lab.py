"""Figures on the lab (root on Linux): a warm look at two nodes, a second replay, and the whole job
against the guide done by a script over ssh with ControlMaster.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.common import Row, python, skipped
from tests.lab.kit import prepare
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import Layout

WHOLE = "replay from nothing to a verified answer"
PAIRS = 3
BOUNDS = {
    "facts and checks of 2 nodes, warm connection": "< 1.30 x the probe by ssh",
    "second replay, without the generation": "< 2.0 s",
    WHOLE: "<= 1.05 x the guide by a script",
}


def rows() -> list[Row]:
    """All three, on a lab of their own."""
    if os.geteuid() != 0 or platform.system() != "Linux":
        return [skipped(what, bound, "needs root on Linux") for what, bound in BOUNDS.items()]
    prepare.prepare()
    lab = Lab(Layout("bench"))
    lab.up(lambda _line: None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _rows(Desk(lab, Path(folder)))
    finally:
        lab.down(lambda _line: None)


class Desk:
    """Where the tool runs; ``config`` leads ssh through the jump host."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        keys = lab.layout.keys
        common = (
            f"  User root\n  IdentityFile {keys}/id_ed25519\n"
            f"  UserKnownHostsFile {keys}/known_hosts\n"
        )
        self.config = folder / "ssh_config"
        nodes = "".join(
            f"Host node{i}\n  HostName 10.77.0.1{i}\n  ProxyJump jump\n{common}" for i in (0, 1)
        )
        self.config.write_text(f"Host jump\n  HostName 10.78.0.2\n{common}{nodes}")

    def run(self, words: Sequence[str], limit: float = 900.0) -> tuple[str, float]:
        """Run a command; returns its output and wall seconds. RuntimeError when it fails."""
        env = {**os.environ, "GLM47_TUI_HOME": str(self.folder / "home")}
        began = time.perf_counter()
        done = subprocess.run(
            [*self.lab.desk(), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=limit, env=env, check=False,
        )  # fmt: skip
        took = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
        return done.stdout, took

    def tool(self, verb: str, *more: str) -> tuple[str, float]:
        """Run the tool on the lab's profile."""
        return self.run(python("-m", "glm47_tui", verb, str(self.lab.profile), *more))


def _rows(desk: Desk) -> list[Row]:
    out = desk.folder / "by-hand"
    desk.tool("render", str(out))
    script = str(Path(__file__).parent / "guide_by_hand.sh")
    by_hand = ["bash", script, str(out), str(desk.config), "node0", "node1"]
    undo = ["bash", script, "-u", *by_hand[2:]]
    pairs: list[tuple[float, float]] = []
    for turn in range(1 + PAIRS):
        ours = desk.tool("replay", "--yes", "--no-check")[1]
        if turn == PAIRS:
            looked = json.loads(desk.run(python("-m", "bench.lab_inside", str(desk.lab.profile),
                                                str(desk.config), "7"))[0])  # fmt: skip
            again = [_second(desk) for _ in range(5)]
        desk.tool("rollback")
        pairs.append((ours, desk.run(by_hand)[1]))
        desk.run(undo)
    return [_look(looked), _again(again), _whole(pairs)]


def _second(desk: Desk) -> float:
    """Wall seconds of a replay that changes nothing, less the stages that generate."""
    out, took = desk.tool("replay", "--yes", "--json")
    events = [json.loads(line) for line in out.splitlines() if line.startswith('{"event"')]
    stages = {e["stage"]: e["time"] for e in events if e["event"] == "StageStarted"}
    ended = next(e for e in events if e["event"] == "RunEnded")
    if ended["changed"]:
        raise RuntimeError("a second replay changed something")
    return took - float(ended["time"] - stages["ready"])


def _look(found: dict[str, list[float]]) -> Row:
    ours, theirs = (statistics.median(found[key]) for key in ("ours", "theirs"))
    ratio = statistics.median(a / b for a, b in zip(found["ours"], found["theirs"], strict=True))
    what = "facts and checks of 2 nodes, warm connection"
    return Row(what, f"{ratio:.2f} x", BOUNDS[what], ratio < 1.3,
               f"{ours:.2f} s against {theirs:.2f} s")  # fmt: skip


def _again(times: list[float]) -> Row:
    what = "second replay, without the generation"
    took = statistics.median(times)
    return Row(what, f"{took:.2f} s", BOUNDS[what], took < 2.0, "whole process, through the jump")


def _whole(pairs: list[tuple[float, float]]) -> Row:
    """The first pair finds nothing in the page cache: it is shown, and does not count."""
    cold, *warm = pairs
    ratio = statistics.median(a / b for a, b in warm)
    ours, theirs = (statistics.median(times) for times in zip(*warm, strict=True))
    note = (
        f"{ours:.1f} s against {theirs:.1f} s, {len(warm)} pairs in turn, warm; cold "
        f"{cold[0]:.1f} s and {cold[1]:.1f} s; ours tests the parsers and proves eight answers"
    )
    return Row(WHOLE, f"{ratio:.2f} x", BOUNDS[WHOLE], ratio <= 1.05, note)
