"""Work on threads: one of a name, its faults told without values, questions always let go."""

from __future__ import annotations

import threading

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.remote.api import HostKey, SecretRequest
from glm47_tui.session.asks import Asks
from glm47_tui.session.inbox import DRAIN_MOST, Inbox
from glm47_tui.session.tasks import Task, Tasks

WAIT_S = 10.0


def wait_for_topic(inbox: Inbox, arrived: threading.Event) -> None:
    assert arrived.wait(WAIT_S)
    inbox.drain()


def held(go: threading.Event) -> None:
    go.wait(WAIT_S)


class LoudInbox(Inbox):
    """Says when something was put in."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def put(self, topic: str, change) -> None:  # type: ignore[no-untyped-def]
        super().put(topic, change)
        if topic == "tasks" and threading.current_thread() is not threading.main_thread():
            self.ended.set()


def test_an_inbox_takes_changes_in_order_and_never_all_at_once() -> None:
    inbox, seen = Inbox(), []
    for i in range(DRAIN_MOST + 1):
        inbox.put("a" if i % 2 else "b", lambda i=i: seen.append(i))  # type: ignore[misc]
    assert inbox.drain() == {"a", "b"}
    assert seen == list(range(DRAIN_MOST))
    assert inbox.drain() == {"b"}
    assert inbox.drain() == frozenset()


def test_one_task_of_a_name_at_a_time() -> None:
    inbox = LoudInbox()
    tasks, go = Tasks(inbox), threading.Event()
    first = tasks.start("look", Msg("x"), lambda _: held(go))
    assert first is not None
    assert tasks.start("look", Msg("x"), lambda _: None) is None
    assert tasks.running("look")
    go.set()
    wait_for_topic(inbox, inbox.ended)
    assert not tasks.running()


def test_a_fault_is_told_by_place_and_holds_no_value() -> None:
    inbox = LoudInbox()
    tasks = Tasks(inbox)

    def work(task: Task) -> None:
        password = "hunter2-secret"
        raise ValueError(password)

    task = tasks.start("look", Msg("x"), work)
    wait_for_topic(inbox, inbox.ended)
    assert task is not None and task.error is not None
    assert "ValueError" in str(task.error)
    assert "hunter2" not in repr(task.error.what.args) + str(task.error)


def test_an_expected_error_stays_what_it_is() -> None:
    inbox = LoudInbox()
    tasks = Tasks(inbox)
    error = UserError(Msg("profile.bad.utf8"))

    def work(_: Task) -> None:
        raise error

    task = tasks.start("look", Msg("x"), work)
    wait_for_topic(inbox, inbox.ended)
    assert task is not None and task.error is error


def _ask_on_a_thread(asks: Asks, request: object) -> tuple[threading.Thread, list[object]]:
    answers: list[object] = []

    def run() -> None:
        if isinstance(request, SecretRequest):
            answers.append(asks.secret(request))
        elif isinstance(request, HostKey):
            answers.append(asks.host_key(request))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, answers


def test_a_question_is_answered_by_whoever_takes_it() -> None:
    asked = threading.Event()
    asks = Asks(lambda _: asked.set())
    thread, answers = _ask_on_a_thread(asks, SecretRequest("password", "node0", "root@a:22"))
    assert asked.wait(WAIT_S)
    pending = asks.next()
    assert pending is not None
    pending.give("word")
    thread.join(WAIT_S)
    assert answers == ["word"]


def test_closing_lets_everybody_go_with_a_refusal() -> None:
    asked = threading.Event()
    asks = Asks(lambda _: asked.set())
    thread, answers = _ask_on_a_thread(asks, HostKey("node0", "a", 22, "ssh-ed25519", "SHA256:x"))
    assert asked.wait(WAIT_S)
    asks.close()
    thread.join(WAIT_S)
    assert answers == ["refuse"]
    assert asks.secret(SecretRequest("password", "node0", "root@a:22")) is None
