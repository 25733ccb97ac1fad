"""Running jobs against a simulated cluster: what tests of the deployment share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from glm47_tui.deploy import AssumeYes, Job, Question
from glm47_tui.deploy.events import Event, RunEnded, Status, StepChanged
from glm47_tui.i18n import t
from glm47_tui.profile import Profile
from glm47_tui.remote.api import Fleet
from tests.support.sshd import wait_until

E = TypeVar("E")


class Says:
    """Answers questions by their id; remembers what was asked."""

    def __init__(self, **answers: str | None) -> None:
        self.answers = answers
        self.asked: list[Question] = []

    def agree(self, question: Question) -> str | None:
        self.asked.append(question)
        key = question.id.replace(".", "_")
        return self.answers.get(key, question.default)


@dataclass
class Runner:
    """One run of a job with its events. ``on`` is called with each event as it comes."""

    profile: Profile
    fleet: Fleet
    consent: object = field(default_factory=AssumeYes)
    secrets: dict[str, str] = field(default_factory=dict)
    on: Callable[[Event], None] = lambda _event: None
    events: list[Event] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)
    ended: RunEnded | None = None

    def job(self) -> Job:
        return Job(
            self.profile, self.fleet, emit=self._emit, consent=self.consent,  # type: ignore[arg-type]
            secrets=self.secrets, cancel=self.cancel,
        )  # fmt: skip

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self.on(event)

    def run(self, verb: str = "deploy", **more: object) -> RunEnded:
        self.ended = getattr(self.job(), verb)(**more)
        assert self.events[-1] is self.ended, self.events[-1]
        return self.ended

    def start(self, verb: str = "deploy") -> threading.Thread:
        """Run on a thread; see ``ended`` after it was joined."""
        thread = threading.Thread(target=self.run, args=(verb,), daemon=True)
        thread.start()
        return thread

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def wait(self, true: Callable[[Event], bool], what: str) -> None:
        """Wait until an event came."""
        wait_until(lambda: any(true(event) for event in list(self.events)), 60, what)

    def last(self, stage: str) -> list[Status]:
        """The last status of a stage on each node."""
        found = {e.node: e.status for e in self.of(StepChanged) if e.stage == stage}
        return [found[node] for node in sorted(found)]

    def note(self, stage: str, node: int) -> str:
        """The words of the last status of a stage on a node."""
        notes = [e.note for e in self.of(StepChanged) if (e.stage, e.node) == (stage, node)]
        return t(notes[-1]) if notes and notes[-1] is not None else ""

    def words(self) -> str:
        """All that the end of the run says."""
        assert self.ended is not None
        parts = (self.ended.what, self.ended.why, self.ended.fix)
        return " ".join(t(part) for part in parts if part is not None)
