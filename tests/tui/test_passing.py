"""Questions about a state that passes while they stand: they go by themselves, and that is said."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from glm47_tui.deploy import Question
from glm47_tui.i18n import Msg, set_language
from glm47_tui.screens.dialogs.base import Dialog
from tests.tui.conftest import Driver, driving


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    """What a run waits for until the test sets it."""
    event = threading.Event()
    yield event
    event.set()


def begin(d: Driver, go_on: threading.Event) -> None:
    d.session.tasks.start("run", Msg("screens.deploy.verb.deploy"), lambda _: go_on.wait(60))


async def passes(d: Driver, go_on: threading.Event, said: str) -> None:
    await d.until(lambda: isinstance(d.app.screen, Dialog), "the question")
    go_on.set()
    await d.until(lambda: not isinstance(d.app.screen, Dialog), "the question gone")
    assert [n.message for n in d.app._notifications] == [said]
    task = d.session.tasks.get("run")
    assert task is not None and not task.cancel.is_set() and d.app.is_running


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "The run has ended meanwhile; nothing was interrupted."),
        ("zh_CN", "运行已自行结束，没有中断任何步骤。"),
    ],
)
async def test_the_question_whether_to_interrupt_goes_with_the_run(
    pair: str, go_on: threading.Event, lang: str, said: str
) -> None:
    set_language(lang)
    async with driving(pair, lang=lang) as d:
        d.app.action_go("deploy")
        await d.until(lambda: d.app.step_shown == "deploy", "Deploy")
        begin(d, go_on)
        await d.until(lambda: d.app.screen.check_action("interrupt", ()), "the key")
        await d.keys("ctrl+c")
        await passes(d, go_on, said)


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Deploy has ended meanwhile. Press Ctrl+Q to quit."),
        ("zh_CN", "“部署”已经结束，现在可按 Ctrl+Q 退出。"),
    ],
)
async def test_the_question_before_quitting_goes_with_what_ran(
    pair: str, go_on: threading.Event, lang: str, said: str
) -> None:
    set_language(lang)
    async with driving(pair, lang=lang) as d:
        begin(d, go_on)
        await d.keys("ctrl+q")
        await passes(d, go_on, said)


async def test_a_question_of_a_run_that_ends_by_itself_is_taken_back(pair: str) -> None:
    over, given = threading.Event(), []
    question = Question("engine.restart", None, Msg("x"), ("restart", "stop"), "restart", over=over)

    def ask() -> None:
        given.append(d.session.asks.ask(question))

    async with driving(pair) as d:
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        await d.until(lambda: isinstance(d.app.screen, Dialog), "the question")
        over.set()
        await d.until(lambda: not isinstance(d.app.screen, Dialog), "the question gone")
        await d.until(lambda: not thread.is_alive(), "the end of who asked")
        assert given == [None]
        assert "no longer" in next(iter(d.app._notifications)).message
