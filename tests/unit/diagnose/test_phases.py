"""Phases of an engine's start, as the log tells them."""

from __future__ import annotations

import random

import pytest

from glm47_tui.diagnose import PhaseReader, PhaseSeen

from . import scenarios
from .worlds import Node, pair, together


def read(lines: list[str]) -> list[PhaseSeen]:
    reader = PhaseReader("node0")
    return [seen for line in lines if (seen := reader.read(line))]


def order(seen: list[PhaseSeen]) -> list[str]:
    phases = [s.phase for s in seen]
    return [p for i, p in enumerate(phases) if i == 0 or p != phases[i - 1]]


@pytest.mark.parametrize("options", [{}, {"colour": True}, {"docker": True}], ids=str)
def test_a_good_start_goes_through_all_phases(options: dict) -> None:
    zero, one = nodes = pair(**options)
    together(nodes, Node.good_start, Node.serve)
    later = ["weights", "profiling", "capture", "serving"]
    assert order(read(zero.lines)) == ["waiting_peer", "starting", *later]
    assert order(read(one.lines)) == ["waiting_peer", "starting", *later]


def test_fractions_only_grow_and_say_how_far() -> None:
    zero, _ = nodes = pair()
    together(nodes, Node.good_start, Node.serve)
    seen = read(zero.lines)
    weights = [s for s in seen if s.phase == "weights" and s.fraction is not None]
    assert [s.fraction for s in weights] == sorted(s.fraction or 0 for s in weights)
    assert weights[-1] == PhaseSeen("weights", 1.0, "93/93")
    assert PhaseSeen("weights", 0.45, "42/93") in weights
    assert PhaseSeen("profiling", 1.0, "KV 135,936 tokens") in seen
    assert PhaseSeen("capture", 0.75, "3/4") in seen


def test_joined_nodes_say_their_rank() -> None:
    _, one = nodes = pair()
    together(nodes, Node.launch, Node.join)
    seen = read(one.lines)
    assert seen[0] == PhaseSeen("waiting_peer", None, "tcp://10.77.0.10:8082")
    assert seen[1] == PhaseSeen("starting", None, "rank 8 of 16")


def test_a_rank_that_is_early_does_not_end_the_phase_of_the_node() -> None:
    zero, _ = nodes = pair()
    together(nodes, Node.launch, Node.join, lambda n: n.weights(40))
    zero.log(zero.worker(3), "INFO", "x.py:1", "Loading model weights took 43.2101 GB")
    assert read(zero.lines)[-1].phase == "weights"


@pytest.mark.parametrize("build", scenarios.ALL, ids=lambda s: s.__name__)
def test_a_fall_is_seen_and_a_restart_begins_anew(build: scenarios.Scenario) -> None:
    (zero, one), answer = build()
    reader = PhaseReader("node0")
    for line in zero.lines:
        reader.read(line)
    fell = any("Failed core proc" in line or "EngineDeadError" in line for line in zero.lines)
    if fell:
        assert reader.current.phase == "gone"
    elif not answer.entry.startswith(("net.", "parser.")):
        assert reader.current.phase != "gone"
    together((zero, one), Node.launch, Node.join, Node.weights)
    for line in zero.lines[-400:]:
        reader.read(line)
    assert reader.current.phase == "profiling"


def test_a_second_pass_of_capturing_starts_again() -> None:
    reader = PhaseReader()
    start = "(W pid=1) INFO 01-12 10:53:02 [m.py:1] Starting to capture ACL graphs for cases: [1]"
    bar = "Capturing ACL graphs (mixed prefill-decode, PIECEWISE): 100%|##| 4/4 [00:01<00:00]"
    assert reader.read(f"{start}, mode: PIECEWISE, uniform_decode: False") == PhaseSeen(
        "capture", 0.0, "PIECEWISE"
    )
    assert reader.read(bar) == PhaseSeen("capture", 1.0, "4/4")
    assert reader.read(f"{start}, mode: FULL, uniform_decode: True") == PhaseSeen(
        "capture", 0.0, "FULL"
    )


def test_lines_that_only_look_like_phases() -> None:
    reader = PhaseReader()
    for line in (
        "(APIServer pid=1) INFO 01-12 10:53:02 [x.py:1] he said: Application startup complete",
        "Launching 3 rockets",
        '(APIServer pid=1) INFO:     1.2.3.4 - "GET /Loading safetensors checkpoint shards"',
        "",
        "] ",
    ):
        assert reader.read(line) is None
    assert reader.current == PhaseSeen("starting")


def test_garbage_moves_nothing_and_crashes_nothing() -> None:
    r = random.Random(7)  # noqa: S311
    zero, _ = scenarios.one_rank_of_node0_runs_out_of_memory(colour=True)[0]
    reader = PhaseReader()
    for _ in range(20_000):
        line = list(r.choice(zero.lines))
        for _ in range(r.randrange(6)):
            line[r.randrange(len(line))] = chr(r.randrange(1, 0x2FFFF))
        reader.read("".join(line))
    assert reader.current.phase in ("starting", "waiting_peer", "weights", "gone")
