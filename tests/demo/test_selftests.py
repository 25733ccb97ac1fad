"""The self-tests of the parsers go on beside the launch: what becomes of the engines."""

from __future__ import annotations

import pytest

from glm47_tui.deploy.events import Event, Progress, Status, StepChanged
from tests.demo.conftest import Lab
from tests.demo.jobs import Runner

MODEL = "/opt/data/verification/models/GLM-4.7"
REASONING = "/vllm-workspace/vllm/vllm/reasoning/__init__.py"


@pytest.fixture
def ready(lab: Lab) -> Lab:
    lab.cluster.fault("image-present")
    return lab


def runner(lab: Lab, **more: object) -> Runner:
    return Runner(lab.profile, lab.fleet, **more)  # type: ignore[arg-type]


def nothing_runs(run: Runner) -> bool:
    nodes = run.job().status().nodes
    return all(node.engine == "absent" and node.lock is None for node in nodes)


def test_a_test_that_fails_on_one_node_ends_the_engines_of_all(ready: Lab) -> None:
    ready.sh('mv "$1/tokenizer.json" "$1/aside"', MODEL, node=1)
    run = runner(ready)
    ended = run.run()
    assert (ended.exit_code, ended.node) == (5, 1), run.words()
    assert "self-test" in run.words()
    assert run.last("patches") == [Status.APPLIED] * 2
    assert run.last("launch")[0] is Status.SKIPPED and "self-test" in run.note("launch", 0)
    assert Status.FAILED in (run.last("launch")[1], *run.last("ready")[1:])
    assert not run.last("verify"), "nobody is served by it"
    assert nothing_runs(run)

    ready.sh('mv "$1/aside" "$1/tokenizer.json"', MODEL, node=1)
    again = runner(ready)
    assert again.run().exit_code == 0, again.words()
    assert again.last("patches") == [Status.PRESENT] * 2
    assert "self-test" in again.note("launch", 0)


def test_a_parser_that_ends_the_engine_is_said_by_its_test(ready: Lab) -> None:
    """The engine imports the parsers, too, and may well be the first to end."""
    first = runner(ready)
    assert first.run().exit_code == 0, first.words()
    assert first.run("stop").exit_code == 0
    name = ready.profile.container.name
    ready.sh(f'docker exec "$1" bash -c "echo \\"raise ImportError(42)\\" >>{REASONING}"', name)
    run = runner(ready)
    ended = run.run()
    assert (ended.exit_code, ended.node) == (5, 0), run.words()
    assert "self-test" in run.words() and "42" in run.words()
    assert Status.FAILED in (run.last("launch")[0], *run.last("ready")[:1])
    assert nothing_runs(run)


def test_an_interrupt_beside_the_tests_is_mended_by_the_next_run(ready: Lab) -> None:
    run = runner(ready)
    asked: list[str] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, Progress) and event.note.id == "deploy.progress.selftest":
            asked.append("tests")
        starts = isinstance(event, StepChanged) and (event.stage, event.node) == ("launch", 0)
        if asked and starts and event.status is Status.APPLIED:  # type: ignore[union-attr]
            run.cancel.set()

    run.on = interrupt
    ended = run.run()
    assert asked and ended.exit_code == 130, run.words()
    status = runner(ready).job().status()
    assert [bool(node.pid) for node in status.nodes] == [True, False]
    assert not any(node.lock for node in status.nodes)

    again = runner(ready)
    assert again.run().exit_code == 0, again.words()
    assert again.last("launch") == [Status.APPLIED] * 2, "engines belong together"


def nodes_tested(run: Runner) -> set[int | None]:
    return {e.node for e in run.of(Progress) if e.note.id == "deploy.progress.selftest"}


def test_a_test_that_was_cut_off_is_made_up_for_by_the_next_run(ready: Lab) -> None:
    """That it passed is known by the node, whatever became of the run that began it."""
    mark = f"{ready.profile.base_dir}/state/selftest"
    first = runner(ready)

    def interrupt(event: Event) -> None:
        if isinstance(event, StepChanged) and event.stage == "ready":
            first.cancel.set()

    first.on = interrupt
    assert first.run().exit_code == 130, first.words()
    ready.sh('rm -f "$1"', mark, node=1)  # it may have been quick enough
    dry = runner(ready)
    assert dry.run(dry_run=True).exit_code == 0, dry.words()
    assert dry.last("launch")[1] is Status.NEEDED and not nodes_tested(dry)

    # One that fails now ends no engine: it may be serving.
    ready.sh('mv "$1/tokenizer.json" "$1/aside"', MODEL, node=1)
    bad = runner(ready)
    ended = bad.run()
    assert (ended.exit_code, ended.node) == (5, 1), bad.words()
    assert bad.last("launch")[1] is Status.FAILED
    assert all(node.pid for node in bad.job().status().nodes)
    ready.sh('mv "$1/aside" "$1/tokenizer.json"', MODEL, node=1)

    again = runner(ready)
    ended = again.run()
    assert (ended.exit_code, ended.changed) == (0, 0), again.words()
    assert 1 in nodes_tested(again) and again.last("launch") == [Status.PRESENT] * 2
    assert "self-test" in again.note("launch", 1)

    last = runner(ready)
    assert last.run().exit_code == 0 and not nodes_tested(last), last.words()
