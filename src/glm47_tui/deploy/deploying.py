"""The deployment: all stages in their order, a barrier after each."""

from __future__ import annotations

from collections.abc import Callable

from glm47_tui.deploy.errors import Trouble
from glm47_tui.deploy.events import StageEnded, StageStarted, Status
from glm47_tui.deploy.launch import Launch, void
from glm47_tui.deploy.lock import Locks
from glm47_tui.deploy.model_step import Model
from glm47_tui.deploy.node_steps import Container, Files, Image, Patches, Workdir
from glm47_tui.deploy.probe import Prober
from glm47_tui.deploy.ready import Ready
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.stages import STAGES
from glm47_tui.deploy.steps import Step, bring
from glm47_tui.deploy.survey import SURVEY
from glm47_tui.errors import UserError, VerifyFailed
from glm47_tui.i18n import Msg

STEPS: tuple[Step, ...] = (Image(), Files(), Container(), Model(), Patches())
"""Steps that each node takes for itself, in their order; each is a stage."""


def in_stage(run: Run, stage: str, work: Callable[[], None]) -> None:
    """Run one stage between its two events."""
    run.check()
    run.bus.emit(StageStarted(stage))
    try:
        work()
    except BaseException:
        run.bus.emit(StageEnded(stage, ok=False))
        raise
    run.bus.emit(StageEnded(stage, ok=True))


def connect(run: Run) -> None:
    """See that every node can be reached; one that dropped is connected again."""

    def work(node: Node) -> None:
        run.bus.step("connect", node.index, Status.LOOKING)
        connection = run.links.get(node.index)
        if not connection.alive:
            run.links.again(node.index, "connect")
        run.bus.step("connect", node.index, Status.PRESENT)

    run.each("connect", work)


class Deployment:
    """One deployment. ``locks`` is None for a dry run; ``before_change``: see ``Job.deploy``."""

    def __init__(
        self,
        run: Run,
        locks: Locks | None,
        *,
        start: str | None,
        before_change: Callable[[], None] | None = None,
    ) -> None:
        self._run = run
        self._locks = locks
        self._before_change = before_change
        self._skipped = frozenset(STAGES[2 : STAGES.index(start)] if start in STAGES else ())
        self._prober = Prober(run)
        self._launching = Launch(run)
        self._launched = False

    def do(self) -> None:
        """Run all stages. Raises Trouble or Halted."""
        try:
            in_stage(self._run, "connect", lambda: connect(self._run))
            in_stage(self._run, "lock", self._lock)
            for step in STEPS:
                self._stage(step.id, lambda step=step: self._step(step))  # type: ignore[misc]
            self._stage("launch", self._launch)
            self._stage("ready", self._ready)
            self._stage("verify", self._verify)
        finally:
            self._launching.close()
            self._prober.close()

    def _stage(self, stage: str, work: Callable[[], None]) -> None:
        if stage not in self._skipped:
            in_stage(self._run, stage, work)
            return
        for node in self._run.nodes:
            self._run.bus.step(stage, node.index, Status.SKIPPED)

    def _lock(self) -> None:
        """Take the locks (asking the states of all steps on the way) and make the folder."""
        run = self._run
        if self._locks is not None:
            self._locks.take(survey=SURVEY)
        else:
            for node in run.nodes:
                run.bus.step("lock", node.index, Status.SKIPPED)
            run.each("lock", lambda node: void(run.look(node, "workdir", stage="lock")))
        if self._before_change is not None and self._would_change():
            self._before_change()
            run.check()
        run.each("lock", self._workdir)

    def _would_change(self) -> bool:
        """Whether a step is not known to be done on some node. All were asked with the lock."""
        states = [node.states.get(step) for node in self._run.nodes for step in SURVEY]
        return any(state is None or state.word != "done" for state in states)

    def _workdir(self, node: Node) -> None:
        run = self._run
        state = run.look(node, "workdir", stage="lock")
        if state.word == "done" or run.dry:
            if self._locks is not None:
                run.bus.step("lock", node.index, Status.PRESENT)
            return
        if state.word == "broken":
            raise Workdir().broken(run, node, state)
        run.bus.step("lock", node.index, Status.APPLYING)
        result = run.call(node, "workdir", "apply", stage="lock", timeout=60, tries=3)
        Workdir().must(run, node, result)
        # What was known of the node holds still, save of this step: the folder was empty.
        node.states.pop("workdir", None)
        run.bus.count_change()
        note = Msg.of("deploy.note.folder", folder=run.profile.base_dir)
        run.bus.step("lock", node.index, Status.APPLIED, note)

    def _step(self, step: Step) -> None:
        self._run.each(
            step.id,
            lambda node: bring(self._run, node, step),
            half=lambda node: step.half(self._run, node),
        )

    def _launch(self) -> None:
        self._launched = self._launching.do()

    def _ready(self) -> None:
        run = self._run
        if run.dry:
            self._for_all("ready")
            return
        launching = self._launching
        with launching.guarded("ready"):
            Ready(run, self._prober, ran_already=not self._launched, tests=launching.tests).do()

    def _for_all(self, stage: str) -> None:
        """Dry run: what follows the launch is needed, or (engines that run) only looked at."""
        status = Status.NEEDED if self._launched else Status.SKIPPED
        for node in self._run.nodes:
            self._run.bus.step(stage, node.index, status)

    def _verify(self) -> None:
        from glm47_tui.service import verify

        run = self._run
        if run.dry:
            self._for_all("verify")
            return
        run.bus.step("verify", 0, Status.APPLYING)
        try:
            proofs = verify(self._prober.service(), run.profile, run.bus.emit, cancel=run.halt)
        except UserError as error:
            run.bus.step("verify", 0, Status.FAILED, error.what)
            raise Trouble(error, 0) from None
        run.check()
        bad = [proof for proof in proofs if not proof.ok]
        if bad:
            names = Msg.of(f"service.proof.{bad[0].proof}")
            wrong = VerifyFailed(
                Msg.of("deploy.error.verify", count=len(bad), first=names),
                why=bad[0].note,
                fix=Msg.of("deploy.fix.verify"),
            )
            run.bus.step("verify", 0, Status.FAILED, wrong.what)
            raise Trouble(wrong, 0)
        note = Msg.of("deploy.note.verified", count=len(proofs))
        run.bus.step("verify", 0, Status.APPLIED, note)
