"""Stop and roll back from the Deploy screen while a node is out of reach."""

from __future__ import annotations

import threading

import pytest
from textual.widgets import Static

from glm47_tui.demo import Cluster
from glm47_tui.deploy.events import Status
from glm47_tui.i18n import Msg, set_language
from tests.tui.conftest import Driver, driving


async def choose(d: Driver, key: str) -> None:
    await d.keys(key)
    await d.until(lambda: d.app.screen.query("#choice-yes"), "the question")
    d.app.screen.query_one("#choice-yes").focus()
    await d.keys("enter")
    await d.until(lambda: d.session.job.state.ended is not None, "the end of the run")
    await d.idle()


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("node1 could not be reached", "may still run on node1", "r runs it once more")),
        ("zh_CN", ("未能连上 node1", "可能仍在运行", "再次执行“停止”")),
    ],
)
async def test_stop_with_a_node_gone_is_done_again_by_retry(
    cluster: Cluster, lang: str, words: tuple[str, ...]
) -> None:
    set_language(lang)
    cluster.fault("ssh-down", 1)
    async with driving(str(cluster.home / "profile.toml"), size=(100, 30), lang=lang) as d:
        d.app.action_go("deploy")
        await d.until(lambda: d.app.step_shown == "deploy", "Deploy")
        await choose(d, "s")
        state = d.session.job.state
        assert state.ended is not None and state.ended.exit_code == 3
        assert state.cell("launch", 0).status is Status.PRESENT
        assert state.cell("launch", 1).status is Status.SKIPPED
        outcome = d.app.screen.query_one("#outcome", Static)
        assert outcome.display and outcome.region.height > 0
        for word in words:
            assert word in str(outcome.content)
        cluster.clear("ssh-down", 1)

        def second() -> bool:
            job = d.session.job
            ended = job.state.ended
            return not job.running and ended is not None and ended.exit_code == 0

        await d.keys("r")
        await d.idle()
        while not second():  # sshd listens again a moment after the fault is off
            await d.keys("r")
            await d.idle()
        started = d.session.job.state.started
        assert started is not None and started.verb == "stop"


async def test_what_is_asked_for_while_something_runs_is_not_swallowed(cluster: Cluster) -> None:
    async with driving(str(cluster.home / "profile.toml"), size=(100, 30)) as d:
        d.app.action_go("deploy")
        await d.until(lambda: d.app.step_shown == "deploy", "Deploy")
        go_on = threading.Event()
        d.session.tasks.start("detect", Msg("screens.nodes.task.detect"), lambda _: go_on.wait(60))
        for key in ("d", "D", "s", "b"):
            d.app.clear_notifications()
            await d.keys(key)
            assert d.app.screen.id != "dialog" and not d.app.screen.query("#choice-no"), key
            told = [n.message for n in d.app._notifications]
            assert told == ["Detect is still going on. Try again when it has ended."], key
        assert d.session.job.state.started is None
        go_on.set()
        await d.idle()
        await d.keys("D")
        await d.until(lambda: d.session.job.state.ended is not None, "the dry run")


async def test_quitting_amid_a_run_says_what_is_left(cluster: Cluster) -> None:
    cluster.fault("engine-stuck", 1)
    cluster.fault("image-present")
    async with driving(str(cluster.home / "profile.toml")) as d:
        d.app.action_go("deploy")
        await d.until(lambda: d.app.step_shown == "deploy", "Deploy")
        await d.keys("d", "enter")
        await d.until(lambda: d.session.job.state.stage == "ready", "the wait for the engines")
        await d.keys("q")
        await d.sees("Quit glm47-tui?")
        d.app.screen.query_one("#choice-stop").focus()
        await d.keys("enter")
        await d.until(lambda: d.app._exit, "the end")
        (told,) = d.app._exit_renderables
        words = str(told)
        assert d.app.return_value == 130
        assert words.startswith("node0 Ready  ") and "goes on loading" in words
        assert "\nnode1 Ready  " in words and "\nInterrupted. " in words
        assert words.endswith("to take everything back.")
