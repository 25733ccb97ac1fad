"""What a run's events add up to."""

from __future__ import annotations

from glm47_tui.deploy.events import (
    Diagnosed,
    EnginePhase,
    LogLine,
    Phase,
    Progress,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Status,
    StepChanged,
    Verified,
)
from glm47_tui.i18n import Msg
from glm47_tui.session.run_state import LOG_LINES, RunState

START = RunStarted("deploy", "pair", ("node0", "node1"), ("connect", "image", "ready"), time=100.0)


def a_run() -> RunState:
    state = RunState()
    state.take(START)
    return state


def test_a_steps_time_runs_from_its_first_sign_to_its_end() -> None:
    state = a_run()
    state.take(StageStarted("image", time=101.0))
    state.take(StepChanged("image", 0, Status.LOOKING, time=102.0))
    state.take(StepChanged("image", 0, Status.APPLYING, time=103.0))
    cell = state.cell("image", 0)
    assert (cell.began, cell.ended) == (102.0, None)
    state.take(StepChanged("image", 0, Status.APPLIED, time=110.0))
    assert (cell.status, cell.began, cell.ended) == (Status.APPLIED, 102.0, 110.0)
    assert state.cell("image", 1).status is Status.WAITING


def test_progress_goes_when_its_step_ends() -> None:
    state = a_run()
    state.take(Progress("image", 0, Msg("x"), 0.5))
    state.take(Progress("image", 1, Msg("x"), 0.2))
    state.take(StepChanged("image", 0, Status.APPLIED))
    assert set(state.progress) == {1}


def test_logs_are_kept_by_node_with_a_count_that_goes_on() -> None:
    state = a_run()
    for i in range(LOG_LINES + 10):
        state.take(LogLine(0, "engine", f"line {i}"))
    log = state.log(0)
    assert log.total == LOG_LINES + 10
    assert len(log.lines) == LOG_LINES
    assert log.since(LOG_LINES + 8) == [f"line {LOG_LINES + 8}", f"line {LOG_LINES + 9}"]
    assert log.since(log.total) == []
    assert state.log(1).total == 0


def test_a_failure_names_its_stage_and_keeps_the_causes() -> None:
    state = a_run()
    state.take(StepChanged("image", 1, Status.FAILED))
    state.take(StageEnded("image", ok=False))
    state.take(Diagnosed(1, "disk-full", Msg("a"), Msg("b"), Msg("c")))
    state.take(RunEnded(5, 0, 3.0))
    assert state.failed_stage == "image"
    assert [d.entry for d in state.diagnosed] == ["disk-full"]
    assert not state.serving


def test_an_engine_that_ended_is_launched_again_by_a_retry() -> None:
    state = a_run()
    state.take(StepChanged("ready", 1, Status.FAILED))
    assert (state.failed_stage, state.retry_stage) == ("ready", "launch")


def test_only_a_real_deployment_that_ended_well_is_serving() -> None:
    state = a_run()
    assert not state.serving
    state.take(RunEnded(0, 3, 3.0))
    assert state.serving
    dry = RunState()
    dry.take(RunStarted("deploy", "pair", ("node0",), ("connect",), dry_run=True))
    dry.take(RunEnded(0, 0, 1.0))
    assert not dry.serving


def test_a_proof_made_again_replaces_the_old_one() -> None:
    state = a_run()
    state.take(Verified("generation", ok=False, note=Msg("x")))
    state.take(Verified("generation", ok=True, note=Msg("y")))
    assert [(v.proof, v.ok) for v in state.verified] == [("generation", True)]


def test_engines_that_ended_are_named() -> None:
    state = a_run()
    state.take(EnginePhase(0, Phase.WEIGHTS, 0.4))
    state.take(EnginePhase(1, Phase.GONE))
    assert state.gone == (1,)


def test_a_new_run_begins_anew_but_keeps_the_logs() -> None:
    state = a_run()
    state.take(LogLine(0, "image", "pulled"))
    state.take(StepChanged("image", 0, Status.APPLIED))
    state.take(START)
    assert state.cells == {}
    assert list(state.log(0).lines) == ["pulled"]


def test_of_a_line_as_long_as_a_prompt_the_beginning_is_kept() -> None:
    state = a_run()
    state.take(LogLine(0, "engine", "x" * 65536, time=101.0))
    (kept,) = state.log(0).lines
    assert len(kept) < 5000
    assert kept.startswith("x" * 4096)
    assert kept.endswith("[...]")
