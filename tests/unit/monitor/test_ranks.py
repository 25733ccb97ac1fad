"""Which rank lives: a busy one is never called dead, a hung one is named within 30 seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glm47_tui.monitor.frames import Proc
from glm47_tui.monitor.ranks import ANSWER_S, ASK_AFTER_S, RankWatch
from glm47_tui.monitor.state import RankHealth
from glm47_tui.service import EngineMetrics, RankMetrics


def engine(pid: int = 10, state: str = "S") -> Proc:
    return Proc(pid, "VLLM::EngineCor", state, 1000, 5)


def worker(pid: int = 11, state: str = "R") -> Proc:
    return Proc(pid, "VLLM::Worker_TP", state, 1000, 5)


class Two:
    """Two ranks on two nodes, and a clock."""

    def __init__(self) -> None:
        self.watch = RankWatch(local=1)
        self.now = 1000.0
        self.ranks = [RankMetrics("0"), RankMetrics("1")]
        self.read()
        for node in (0, 1):
            self.watch.procs(node, [engine(), worker()])

    def read(self) -> None:
        self.watch.metrics(EngineMetrics(tuple(self.ranks), self.now), self.now)

    def step(self, seconds: float, *moving: int) -> None:
        self.now += seconds
        for i in moving:
            rank = self.ranks[i]
            self.ranks[i] = replace(
                rank, iterations=rank.iterations + 1, generation_tokens=rank.generation_tokens + 8
            )
        self.read()

    def health(self) -> list[RankHealth]:
        return [view.health for view in self.watch.judge(self.now)]


@pytest.fixture
def two() -> Two:
    return Two()


def test_idle_ranks_that_answer_stay_idle(two: Two) -> None:
    for _ in range(10):
        two.step(5)
        for rank in two.watch.to_ask(two.now):
            two.watch.asked(rank, two.now)
            two.watch.answered(rank, two.now + 0.2, ok=True)
        assert two.health() == [RankHealth.IDLE, RankHealth.IDLE]


def test_busy_rank_is_never_asked_nor_called_dead(two: Two) -> None:
    two.ranks = [replace(r, running=4.0) for r in two.ranks]
    for _ in range(60):
        two.step(2, 0, 1)
        assert two.watch.to_ask(two.now) == ()
        assert two.health() == [RankHealth.BUSY, RankHealth.BUSY]


def test_slow_steps_of_a_busy_rank_are_not_death(two: Two) -> None:
    """Asked after a long silence, the rank does not answer in time, yet its counter moves."""
    two.ranks = [replace(r, running=4.0) for r in two.ranks]
    two.read()
    two.step(ASK_AFTER_S, 0)
    assert two.watch.to_ask(two.now) == ("1",)
    two.watch.asked("1", two.now)
    two.step(ANSWER_S - 1, 0, 1)
    two.watch.answered("1", two.now + 1, ok=False)
    two.now += 1
    assert two.health() == [RankHealth.BUSY, RankHealth.BUSY]


def test_hung_rank_is_named_within_thirty_seconds(two: Two) -> None:
    began = two.now
    while two.health()[1] is not RankHealth.HUNG:
        two.step(1, 0)
        for rank in two.watch.to_ask(two.now):
            two.watch.asked(rank, two.now)
            asked_at = two.now
        if "1" not in two.watch.to_ask(two.now) and two.now - began > ASK_AFTER_S + ANSWER_S:
            two.watch.answered("1", asked_at + ANSWER_S, ok=False)
        assert two.now - began < 40
    assert two.now - began <= 30
    assert two.health()[0] is not RankHealth.HUNG
    reason = two.watch.judge(two.now)[1].reason
    assert reason is not None
    assert reason.id == "monitor.rank.silent"


def test_dead_engine_is_named_at_once_while_metrics_stand_still(two: Two) -> None:
    two.watch.procs(1, [])
    views = two.watch.judge(two.now)
    assert [v.health for v in views] == [RankHealth.IDLE, RankHealth.DEAD]
    assert views[1].node == 1
    assert two.watch.to_ask(two.now + 100) == ("0",)


def test_stopped_process_is_a_hung_rank(two: Two) -> None:
    two.watch.procs(0, [engine(state="T"), worker()])
    view = two.watch.judge(two.now)[0]
    assert (view.health, view.reason and view.reason.id) == (
        RankHealth.HUNG,
        "monitor.rank.stopped",
    )
    two.watch.procs(0, [engine(), worker()])
    two.step(1, 0)
    assert two.health()[0] in (RankHealth.IDLE, RankHealth.BUSY)


def test_hung_rank_that_moves_again_is_well(two: Two) -> None:
    two.now += ASK_AFTER_S
    two.watch.asked("1", two.now)
    two.now += ANSWER_S
    two.watch.answered("1", two.now, ok=False)
    assert two.health()[1] is RankHealth.HUNG
    two.step(1, 1)
    assert two.health()[1] is RankHealth.IDLE


def test_several_ranks_on_one_node() -> None:
    watch = RankWatch(local=2)
    ranks = tuple(RankMetrics(str(i)) for i in range(4))
    watch.metrics(EngineMetrics(ranks, 0.0), 0.0)
    assert [v.node for v in watch.judge(0.0)] == [0, 0, 1, 1]


def test_rates_come_from_two_readings_and_survive_a_restart(two: Two) -> None:
    two.step(2, 0)
    assert two.watch.judge(two.now)[0].generation_per_s == 4.0
    two.ranks[0] = RankMetrics("0")
    two.step(2)
    assert two.watch.judge(two.now)[0].generation_per_s is None


def test_a_rank_held_up_by_a_dead_one_is_not_blamed(two: Two) -> None:
    two.watch.procs(1, [])
    two.now += ASK_AFTER_S
    assert two.watch.to_ask(two.now) == ("0",)
    two.watch.asked("0", two.now)
    two.now += ANSWER_S
    two.watch.answered("0", two.now, ok=False)
    views = two.watch.judge(two.now)
    assert [v.health for v in views] == [RankHealth.WAITING, RankHealth.DEAD]
    assert views[0].reason is not None
    assert views[0].reason.args["rank"] == "1"


def test_an_engine_that_goes_right_after_the_first_metrics_is_named() -> None:
    """Its process was seen before the rank was known, and never again."""
    two = Two.__new__(Two)
    two.watch = RankWatch(local=1)
    two.now = 1000.0
    two.watch.procs(1, [engine()])
    two.ranks = [RankMetrics("0"), RankMetrics("1")]
    two.watch.metrics(EngineMetrics(tuple(two.ranks), two.now), two.now)
    two.watch.procs(1, [])
    health = {view.engine: view.health for view in two.watch.judge(two.now)}
    assert health["1"] is RankHealth.DEAD
    assert health["0"] is not RankHealth.DEAD
