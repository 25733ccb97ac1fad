"""What the stages share: work on all nodes, questions, and what cancelling leaves."""

from __future__ import annotations

import threading

import pytest

from glm47_tui.deploy import NoConsent, Question
from glm47_tui.deploy.bus import Bus
from glm47_tui.deploy.errors import Halted, Trouble, failed
from glm47_tui.deploy.events import Status, StepChanged
from glm47_tui.deploy.links import Links
from glm47_tui.deploy.run import Node, Run
from glm47_tui.errors import DeployFailed
from glm47_tui.i18n import Msg, t
from glm47_tui.profile import parse
from glm47_tui.remote import Nobody
from glm47_tui.remote.api import Fleet
from tests.unit.deploy.conftest import Events

QUESTION = Question("q", 0, Msg.of("deploy.note.kept"), ("replace", "keep", "stop"), "replace")


class Answer:
    """Says one word."""

    def __init__(self, word: str | None) -> None:
        self.word = word

    def agree(self, question: Question) -> str | None:
        return self.word


def make(events: Events, consent: object = None, nodes: int = 3) -> Run:
    places = [
        {"host": f"10.1.0.{i}", "nic": "e0", "ip": f"10.1.0.{i}"} for i in range(1, nodes + 1)
    ]
    profile = parse({"schema": 1, "name": "p", "nodes": places}, "-")
    halt, bus = threading.Event(), Bus(events, None)
    links = Links(profile, Fleet(), Nobody(), bus, halt)
    return Run(profile, links, bus, consent=consent or NoConsent(), secrets={}, halt=halt)  # type: ignore[arg-type]


def statuses(events: Events) -> list[tuple[int, str]]:
    return [(e.node, e.status.value) for e in events.of(StepChanged)]


def test_nodes_work_side_by_side_and_all_come_to_their_end() -> None:
    events = Events()
    run = make(events)
    together = threading.Barrier(3)

    def work(node: Node) -> None:
        together.wait(20)
        if node.index == 1:
            raise failed("stop", line="x")
        run.bus.step("image", node.index, Status.APPLIED)

    with pytest.raises(Trouble) as caught:
        run.each("image", work)
    assert caught.value.node == 1
    assert sorted(statuses(events)) == [(0, "applied"), (1, "failed"), (2, "applied")]


def test_a_fault_of_the_program_is_said_without_its_values() -> None:
    events = Events()
    run = make(events)

    def work(node: Node) -> None:
        raise KeyError("hunter2")

    with pytest.raises(Trouble) as caught:
        run.each("image", work)
    words = t(caught.value.error.what)
    assert "KeyError" in words and "test_run.py" in words and "hunter2" not in words


def test_cancelling_says_what_is_half_done_on_each_node() -> None:
    events = Events()
    run = make(events)

    def work(node: Node) -> None:
        if node.index == 0:
            run.bus.step("image", 0, Status.APPLIED)
            return
        run.bus.step("image", node.index, Status.APPLYING if node.index == 1 else Status.LOOKING)
        run.halt.set()
        raise Halted

    with pytest.raises(Halted):
        run.each("image", work, half=lambda node: Msg.of("deploy.half.image"))
    last = {e.node: e for e in events.of(StepChanged)}
    assert last[0].status is Status.APPLIED
    assert last[1].status is Status.FAILED and last[1].note == Msg.of("deploy.half.image")
    assert last[2].status is Status.SKIPPED


def test_without_anybody_to_ask_the_error_names_the_option() -> None:
    with pytest.raises(DeployFailed) as caught:
        make(Events()).ask(QUESTION)
    assert caught.value.fix is not None
    assert "--yes" in t(caught.value.fix) and "Replace" in t(caught.value.fix)


def test_stop_and_unknown_answers_change_nothing() -> None:
    for word in ("stop", "burn"):
        with pytest.raises(DeployFailed) as caught:
            make(Events(), Answer(word)).ask(QUESTION)
        assert caught.value.what.id == "deploy.error.declined"
    assert make(Events(), Answer("keep")).ask(QUESTION) == "keep"


def test_a_cancel_while_the_question_stands_wins() -> None:
    events = Events()
    run = make(events)

    class Cancels:
        def agree(self, question: Question) -> str | None:
            run.halt.set()
            return None

    run._consent = Cancels()
    with pytest.raises(Halted):
        run.ask(QUESTION)


def test_a_node_that_is_not_connected_says_why() -> None:
    run = make(Events())
    run.links._fleet.failures[2] = failed("stop", line="its own reason")
    with pytest.raises(DeployFailed, match="its own reason"):
        run.links.get(2)
    with pytest.raises(DeployFailed, match="node1"):
        run.links.get(1)


def test_a_caller_that_fails_is_not_called_again() -> None:
    calls: list[object] = []

    def emit(event: object) -> None:
        calls.append(event)
        raise RuntimeError("the screen is gone")

    bus = Bus(emit, None)
    bus.step("image", 0, Status.LOOKING)
    bus.step("image", 0, Status.PRESENT)
    assert len(calls) == 1 and bus.status("image", 0) is Status.PRESENT
