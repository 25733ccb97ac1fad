"""Steps that each node takes for itself: look, do what is missing, look again."""

from __future__ import annotations

from dataclasses import dataclass

from glm47_tui.deploy.errors import failed
from glm47_tui.deploy.events import Status
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.survey import State
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node.text import clean
from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Result

TRIES = 3
"""How often a step begins again after a cut connection."""


@dataclass(frozen=True)
class Step:
    """A step with a script. Subclasses say what is special about theirs.

    ``apply_s`` is the limit of its apply verb in seconds; ``cancel`` tells that the user may cut
    it short (what takes seconds is let come to its end, so that nothing is half-done).
    """

    id: str
    apply_s: float = 120.0
    cancel: bool = False

    def limit(self, run: Run) -> float:
        """Seconds that apply may take."""
        del run
        return self.apply_s

    def present(self, run: Run, node: Node, state: State) -> Msg | None:
        """Words for a step that has nothing to do."""
        del run, node, state
        return None

    def needed(self, run: Run, node: Node, state: State) -> Msg | None:
        """Words for what a real run would do (dry run)."""
        del run, node
        return Msg.of(f"deploy.needed.{self.id}") if state.word != "differs" else None

    def broken(self, run: Run, node: Node, state: State) -> UserError:
        """The error for a state that the tool cannot mend."""
        del run, node
        line = state.lines[-1] if state.lines else "-"
        special = self.id in ("image", "workdir", "patches")
        name = f"{self.id}_broken" if special else "step_broken"
        return failed(name, step=Msg.of(f"deploy.stage.{self.id}"), line=line[:300])

    def decide(self, run: Run, node: Node, state: State) -> tuple[str, ...] | None:
        """Arguments for apply; None: leave it as it is. Asks where the user has to decide."""
        del run, node, state
        return ()

    def apply(self, run: Run, node: Node, state: State, args: tuple[str, ...]) -> None:
        """Do what is missing; raises UserError."""
        del state
        self.must(
            run,
            node,
            run.call(
                node, self.id, "apply", *args,
                stage=self.id, timeout=self.limit(run), cancel=self.cancel,
            ),
        )  # fmt: skip

    def must(self, run: Run, node: Node, result: Result) -> None:
        """Raise if a command of this step failed; its last words are the error's."""
        if result.ok:
            return
        said = clean(result.out + "\n" + result.err)
        lines = [x for x in said.splitlines() if _for_people(x)]
        run.causes.feed(node.index, lines, self.id)
        last = lines[-1] if lines else "-"
        special = self.id in ("image", "container", "patches", "model")
        name = f"{self.id}_failed" if special else "step_failed"
        step = Msg.of(f"deploy.stage.{self.id}")
        raise failed(name, step=step, code=result.code, line=last[:300])

    def half(self, run: Run, node: Node) -> Msg | None:
        """What a cancelled apply leaves behind."""
        del run, node
        return Msg.of(f"deploy.half.{self.id}") if self.cancel else None


def _for_people(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("@@ ")


def bring(run: Run, node: Node, step: Step) -> None:
    """Bring a step about on one node, beginning again when the connection was cut."""
    for left in range(TRIES - 1, -1, -1):
        if _tried(run, node, step, last=left == 0):
            return


def _tried(run: Run, node: Node, step: Step, *, last: bool) -> bool:
    try:
        _bring(run, node, step)
    except RemoteError as error:
        if last or run.halt.is_set() or not _cut(run, node, error):
            raise
        node.states.clear()
        run.links.again(node.index, step.id)
        return False
    return True


def _cut(run: Run, node: Node, error: RemoteError) -> bool:
    return error.kind == "lost" or not run.links.get(node.index).alive


def _bring(run: Run, node: Node, step: Step) -> None:
    run.check()
    run.bus.step(step.id, node.index, Status.LOOKING)
    state = run.look(node, step.id, stage=step.id)
    if state.word == "done":
        run.bus.step(step.id, node.index, Status.PRESENT, step.present(run, node, state))
        return
    if run.dry:
        _say_needed(run, node, step, state)
        return
    for line in state.lines:
        run.bus.log(node.index, step.id, line)
    if state.word == "broken":
        raise step.broken(run, node, state)
    args = step.decide(run, node, state)
    if args is None:
        run.bus.step(step.id, node.index, Status.PRESENT, Msg.of("deploy.note.kept"))
        return
    run.bus.step(step.id, node.index, Status.APPLYING)
    try:
        step.apply(run, node, state, args)
    finally:
        node.states.clear()
    run.touched(node, step.id)
    after = run.look(node, step.id, stage=step.id)
    if after.word != "done":
        line = after.lines[-1] if after.lines else after.word
        raise failed("not_done", step=Msg.of(f"deploy.stage.{step.id}"), line=line[:300])
    run.bus.step(step.id, node.index, Status.APPLIED, step.present(run, node, after))


def _say_needed(run: Run, node: Node, step: Step, state: State) -> None:
    """Dry run. A step that cannot say its state because an earlier one is missing is needed."""
    earlier_missing = bool(node.changed)
    if state.word == "broken" and not earlier_missing:
        raise step.broken(run, node, state)
    node.changed.add(step.id)
    note = step.needed(run, node, state)
    if state.word == "differs":
        note = Msg.of("deploy.needed.differs")
    run.bus.step(step.id, node.index, Status.NEEDED, note)
