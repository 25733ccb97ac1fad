"""What the stages of one run share: nodes, connections, events, questions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from glm47_tui.deploy.bus import Bus
from glm47_tui.deploy.causes import Causes
from glm47_tui.deploy.consent import Consent, Question
from glm47_tui.deploy.errors import Halted, Trouble, failed, internal
from glm47_tui.deploy.events import Progress, Status
from glm47_tui.deploy.links import Links
from glm47_tui.deploy.survey import PART_S, SURVEY, TIMED_OUT, Part, State, bundle, read_bundle
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.remote.api import Result
from glm47_tui.render import step_script

ENGINE = "engine"
"""``LogLine.source`` of vLLM's own log."""


@dataclass
class Node:
    """One node of the run. ``states`` holds what is known of its steps until something changes."""

    index: int
    name: str
    states: dict[str, State] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """Stages that changed something on it in this run."""


class Run:
    """One run over all nodes. Its methods may be called from any thread."""

    def __init__(
        self,
        profile: Profile,
        links: Links,
        bus: Bus,
        *,
        consent: Consent,
        secrets: Mapping[str, SecretStr | str],
        halt: threading.Event,
        dry: bool = False,
    ) -> None:
        self.profile = profile
        self.links = links
        self.bus = bus
        self.secrets = secrets
        self.halt = halt
        self.dry = dry
        self.nodes = [Node(i, profile.node_name(i)) for i in range(len(profile.nodes))]
        self.causes = Causes(profile)
        self.aborted: UserError | None = None
        """Why the run ended by itself in the middle (the lock was lost); None: it did not."""
        self._consent = consent
        self._asking = threading.Lock()
        self._scripts: dict[tuple[int, str], str] = {}

    def abort(self, error: UserError) -> None:
        """End the run as soon as the commands under way have ended."""
        self.aborted = self.aborted or error
        self.halt.set()

    def check(self) -> None:
        """Raise Halted if the run is to end."""
        if self.halt.is_set():
            raise Halted

    def secret(self, name: str) -> str:
        """Return a secret, empty when there is none."""
        value = self.secrets.get(name, "")
        return value.get_secret_value() if isinstance(value, SecretStr) else value

    def script(self, node: Node, step: str) -> str:
        """Return a step's script for a node, as the preview shows it."""
        key = (node.index, step)
        if key not in self._scripts:
            self._scripts[key] = step_script(self.profile, node.index, step)
        return self._scripts[key]

    def call(
        self,
        node: Node,
        step: str,
        *args: str,
        stage: str,
        timeout: float,
        secrets: Mapping[str, str] | None = None,
        cancel: bool | threading.Event = False,
        tries: int = 1,
        on_line: Callable[[str], None] | None = None,
        quiet: bool = False,
        pauses: Sequence[float] | None = None,
    ) -> Result:
        """Run one verb of a step's script; its lines for people become events unless ``quiet``."""

        def line(_kind: str, text: str) -> None:
            if on_line is not None:
                on_line(text)
            if not quiet and text.strip() and not text.startswith("@@ "):
                self.bus.log(node.index, stage, text)

        return self.links.run(
            node.index, self.script(node, step), *args,
            timeout=timeout, stage=stage, secrets=secrets, cancel=cancel, tries=tries, on_line=line,
            pauses=pauses,
        )  # fmt: skip

    def look(self, node: Node, step: str, *, stage: str) -> State:
        """Return a step's state on a node.

        What is not known is asked for, together with the states of all later steps; a change
        on the node makes all that was known void.
        """
        if step not in node.states:
            rest = SURVEY[SURVEY.index(step) :]
            self.survey(node, [Part(s, self.script(node, s)) for s in rest], stage=stage)
        state = node.states.get(step)
        if state is None or state.word == "unknown":
            raise self._no_state(step, state)
        return state

    def _no_state(self, step: str, state: State | None) -> UserError:
        last = state.lines[-1] if state is not None and state.lines else "-"
        if state is not None and state.code == TIMED_OUT:
            return failed("state_timeout", step=step, seconds=PART_S)
        return failed("no_state", step=step, line=last[:300])

    def survey(
        self,
        node: Node,
        parts: Sequence[Part],
        *,
        stage: str,
        on_line: Callable[[str], None] | None = None,
    ) -> dict[str, State]:
        """Ask many steps in one round trip; states are remembered, their lines become events."""

        def line(_kind: str, text: str) -> None:
            if on_line is not None:
                on_line(text)

        result = self.links.run(
            node.index, bundle(parts),
            timeout=2.0 * PART_S + 30, stage=stage, tries=3, cancel=True, on_line=line,
        )  # fmt: skip
        found = read_bundle(result.out)
        node.states.update({k: v for k, v in found.items() if k in SURVEY})
        return found

    def touched(self, node: Node, stage: str) -> None:
        """Something changed on a node: nothing that was known of it holds any more."""
        node.states.clear()
        node.changed.add(stage)
        self.bus.count_change()

    def ask(self, question: Question) -> str:
        """Ask the user, one question at a time; raises when nobody agrees."""
        with self._asking:
            self.check()
            answer = self._consent.agree(replace(question, over=self.halt))
        if self.halt.is_set():
            raise Halted
        if answer is None:
            raise failed(
                "not_agreed", question=question.text, option=Question.label(question.default)
            )
        if answer == "stop" or answer not in question.options:
            raise failed("declined", question=question.text)
        return answer

    def progress(
        self,
        stage: str,
        node: int | None,
        note: Msg,
        *,
        fraction: float | None = None,
        elapsed: float = 0.0,
        limit: float | None = None,
    ) -> None:
        """Say how far a wait is."""
        self.bus.emit(Progress(stage, node, note, fraction, elapsed, limit))

    def each(
        self,
        stage: str,
        work: Callable[[Node], None],
        nodes: Sequence[Node] | None = None,
        half: Callable[[Node], Msg | None] | None = None,
    ) -> None:
        """Do the work on all nodes side by side, and wait for all.

        A node that fails says so at once; the others come to their own end. Raises the first
        node's Trouble, or Halted. ``half`` says what a cancelled work leaves on a node.
        """
        chosen = list(self.nodes if nodes is None else nodes)
        errors: dict[int, UserError] = {}
        halted: list[int] = []

        def body(node: Node) -> None:
            try:
                work(node)
            except Halted:
                halted.append(node.index)
                self._say_half(stage, node, half)
            except UserError as error:
                errors[node.index] = error
                self.bus.step(stage, node.index, Status.FAILED, error.what)
            except Exception as error:
                errors[node.index] = internal(error)
                self.bus.step(stage, node.index, Status.FAILED, errors[node.index].what)

        threads = [
            threading.Thread(target=body, args=(n,), name=f"deploy-{stage}-{n.name}", daemon=True)
            for n in chosen
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors and not self.halt.is_set():
            first = min(errors)
            raise Trouble(errors[first], first)
        if halted or self.halt.is_set():
            raise Halted

    def _say_half(self, stage: str, node: Node, half: Callable[[Node], Msg | None] | None) -> None:
        note = half(node) if half is not None else None
        if self.bus.status(stage, node.index) is Status.APPLYING:
            note = note or Msg.of("deploy.half.other")
            self.bus.step(stage, node.index, Status.FAILED, note)
        elif self.bus.status(stage, node.index) is not None:
            self.bus.step(stage, node.index, Status.SKIPPED, note)
