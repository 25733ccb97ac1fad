"""What the monitor makes of the logs: causes, phases of a start, who stands still in it."""

from __future__ import annotations

import pytest

from glm47_tui.i18n import LANGUAGES, set_language, t
from glm47_tui.monitor.board import Board
from glm47_tui.monitor.logwatch import LogWatch
from glm47_tui.monitor.state import Link, LinkState
from glm47_tui.screens.monitor_words import engine_line
from tests.unit.monitor.test_board import Clock, kinds

HEAD = [
    "(APIServer pid=1) INFO 01-12 10:00:00 [api_server.py:1351] vLLM API server version 0.13.0",
    "(APIServer pid=1) INFO 01-12 10:00:05 [utils.py:821] Started DP Coordinator process (PID: 9)",
]
LOADING = (
    "(Worker_DP0_TP0 pid=7) INFO 01-12 10:01:00 [model_runner_v1.py:2227] "
    "Starting to load model /models/GLM-4.7..."
)


class Watched:
    """A board of two nodes and what reads their logs, by a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.board = Board(["node0", "node1"], ["10.77.0.10", "10.77.0.11"], clock=self.clock)
        self.watch = LogWatch(self.board, clock=self.clock)
        for node in (0, 1):
            self.board.link(node, Link(LinkState.UP))

    def later(self, seconds: float, node: int = 0, *lines: str) -> None:
        self.clock.now += seconds
        if lines:
            self.watch.feed(node, list(lines))
        self.watch.work()


@pytest.fixture
def seen() -> Watched:
    return Watched()


def test_how_far_each_engine_has_come_stands_where_its_figures_will(seen: Watched) -> None:
    seen.later(1, 0, *HEAD)
    phase = seen.board.snapshot().nodes[0].phase
    assert phase is not None
    assert phase.phase == "waiting_peer"
    seen.later(1, 0, LOADING)
    for language in LANGUAGES:
        set_language(language)
        line = engine_line(seen.board.snapshot()).plain
        assert f"node0 {t('diagnose.phase.weights')}" in line
        assert "node1" not in line


def test_a_peer_that_never_starts_is_told_once_by_when_lines_arrived(seen: Watched) -> None:
    seen.later(1, 0, *HEAD)
    seen.later(50)
    assert "stall" not in kinds(seen.board)
    for _ in range(3):
        seen.later(30)
    told = [event for event in seen.board.snapshot().events if event.kind == "stall"]
    assert len(told) == 1
    assert told[0].node == 0
    assert told[0].fix is not None
    assert "node1" in t(told[0].what)


def test_who_is_not_seen_may_well_go_on(seen: Watched) -> None:
    seen.later(1, 0, *HEAD)
    seen.board.link(1, Link(LinkState.RETRYING, error="cut"))
    seen.later(600)
    assert "stall" not in kinds(seen.board)
    seen.board.link(1, Link(LinkState.UP))
    seen.later(1)
    assert "stall" in kinds(seen.board)


def test_a_service_that_serves_is_left_alone(seen: Watched) -> None:
    serving = "INFO:     Application startup complete."
    seen.later(1, 0, *HEAD, LOADING, f"(APIServer pid=1) {serving}")
    seen.later(10_000)
    assert "stall" not in kinds(seen.board)
