"""Logs that the real vLLM 0.13.0 (CPU build) wrote, paths and addresses changed.

Two engines on one machine came up with a tiny model and answered; then node 1's engine was killed.
Three more starts fail: a parser that is not there, a context too long, an unknown argument.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from glm47_tui.diagnose import PhaseReader, diagnose_files

REAL = Path(__file__).parent / "real"


def phases(name: str) -> list[str]:
    reader = PhaseReader()
    lines = (REAL / name).read_text(encoding="utf-8").split("\n")
    seen = [found.phase for line in lines if (found := reader.read(line))]
    return [p for i, p in enumerate(seen) if i == 0 or p != seen[i - 1]]


def test_phases_of_both_nodes() -> None:
    begin = ["waiting_peer", "starting", "weights", "profiling"]
    assert phases("dead.node0.log") == [*begin, "capture", "serving", "gone"]
    assert phases("dead.node1.log") == [*begin, "serving", "gone"]


def test_a_killed_engine_is_seen_from_the_other_node() -> None:
    report = diagnose_files([str(REAL / "dead.node0.log"), str(REAL / "dead.node1.log")])
    (cause,) = report.causes
    assert (cause.entry, cause.place.node) == ("net.peer_closed", "node0")
    assert cause.values["host"] == "10.77.0.10"
    assert [n.entry for n in report.notes] == ["engine.headless_end"]


@pytest.mark.parametrize(
    ("name", "entry"),
    [("parser", "parser.tool_unknown"), ("len", "args.max_len"), ("args", "args.unknown")],
)
def test_a_start_that_fails(name: str, entry: str) -> None:
    report = diagnose_files([str(REAL / f"{name}.node0.log")])
    assert [c.entry for c in report.causes] == [entry]
    assert report.skipped_runs == 0
