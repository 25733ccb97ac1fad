"""Taking back: the engines (stop), or all that was done on the nodes (roll back).

What is taken back on one node needs nothing of another, so a node that cannot be reached, or on
which a step fails, goes no further and holds nobody up: who stops a deployment most often does so
because one of its nodes is in trouble. What was left out is said, stage by stage and at the end.
"""

from __future__ import annotations

from collections.abc import Callable

from glm47_tui.deploy.engines import not_undone, stop_engine, wait_free
from glm47_tui.deploy.errors import Halted, Trouble, internal
from glm47_tui.deploy.events import StageEnded, StageStarted, Status
from glm47_tui.deploy.lock import Locks
from glm47_tui.deploy.run import Node, Run
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg
from glm47_tui.remote import RemoteError


class Undoing:
    """``stop`` and ``rollback``: both may run twice, and say what there was to take back."""

    def __init__(self, run: Run, locks: Locks, verb: str) -> None:
        self._run = run
        self._locks = locks
        self._verb = verb
        self._left: dict[int, UserError] = {}
        """Nodes that go no further, and why."""

    def stop(self) -> None:
        """End the engines on all nodes, peers and head side by side; all else stays."""
        self._engines()
        self._end()

    def rollback(self) -> None:
        """Engines, patches byte for byte, container as before, files; the logs stay."""
        self._engines()
        self._stage("patches", self._patches)
        self._stage("container", self._container)
        self._stage("files", self._files)
        self._end()

    def _engines(self) -> None:
        self._stage("connect", self._connect)
        self._in_stage("lock", self._lock)
        self._stage("launch", self._stop)

    # Stages

    def _in_stage(self, stage: str, work: Callable[[], None]) -> None:
        """One stage between its two events; ends the run when no node is left for the next."""
        run, before = self._run, len(self._left)
        run.check()
        run.bus.emit(StageStarted(stage))
        for index in sorted(self._left):
            run.bus.step(stage, index, Status.SKIPPED, self._stays(stage, index))
        try:
            work()
        except BaseException:
            run.bus.emit(StageEnded(stage, ok=False))
            raise
        run.bus.emit(StageEnded(stage, ok=len(self._left) == before))
        if not self._nodes():
            self._end()

    def _stage(self, stage: str, work: Callable[[Node], None]) -> None:
        run = self._run

        def kept(node: Node) -> None:
            try:
                work(node)
            except Halted:
                raise
            except Exception as error:
                if run.halt.is_set():
                    raise
                self._leave(stage, node, error)

        self._in_stage(stage, lambda: run.each(stage, kept, self._nodes(), half=_half))

    def _nodes(self) -> list[Node]:
        return [node for node in self._run.nodes if node.index not in self._left]

    def _leave(self, stage: str, node: Node, error: Exception) -> None:
        told = error if isinstance(error, UserError) else internal(error)
        self._left[node.index] = told
        self._run.bus.step(stage, node.index, Status.FAILED, told.what)

    def _stays(self, stage: str, index: int) -> Msg | None:
        if not isinstance(self._left[index], RemoteError):
            return Msg.of("deploy.left.failed")
        return Msg.of(f"deploy.left.{stage}") if stage not in ("connect", "lock") else None

    def _end(self) -> None:
        """Raise the Trouble that says what was left out, if anything was."""
        if not self._left:
            return
        broken = [i for i, error in self._left.items() if not isinstance(error, RemoteError)]
        if broken or not self._nodes():
            first = min(broken or self._left)
            raise Trouble(self._left[first], first)
        first = min(self._left)
        names = ", ".join(self._run.nodes[i].name for i in sorted(self._left))
        raise Trouble(
            UserError(
                Msg.of("deploy.error.left", nodes=names),
                why=Msg.of("deploy.error.left_why", node=self._run.nodes[first].name,
                           what=self._left[first].what),
                fix=Msg.of(f"deploy.fix.left_{self._verb}", nodes=names),
                exit_code=Exit.UNREACHABLE,
            )
        )  # fmt: skip

    # What is done on a node

    def _connect(self, node: Node) -> None:
        run = self._run
        run.bus.step("connect", node.index, Status.LOOKING)
        if not run.links.get(node.index).alive:
            run.links.again(node.index, "connect")
        run.bus.step("connect", node.index, Status.PRESENT)

    def _lock(self) -> None:
        """Take the locks; one that somebody holds ends the run before anything was touched."""
        while not self._locked():
            pass  # with the nodes that are left, of which there is one less each time

    def _locked(self) -> bool:
        try:
            self._locks.take(survey=(), nodes=self._nodes())
        except Trouble as trouble:
            if trouble.node is None or not isinstance(trouble.error, RemoteError):
                raise
            self._leave("lock", self._run.nodes[trouble.node], trouble.error)
            return False
        return True

    def _stop(self, node: Node) -> None:
        run = self._run
        run.bus.step("launch", node.index, Status.APPLYING)
        count = stop_engine(run, node)
        if count == 0:
            run.bus.step("launch", node.index, Status.PRESENT, Msg.of("deploy.note.nothing_runs"))
            return
        run.touched(node, "launch")
        busy = wait_free(run, node)
        note = busy or Msg.of("deploy.note.stopped", count=count)
        run.bus.step("launch", node.index, Status.UNDONE, note)

    def _patches(self, node: Node) -> None:
        self._undo(node, "patches", "patches", "patches_back", seconds=180)

    def _container(self, node: Node) -> None:
        run = self._run
        # A download that still runs would go on in a container that stays.
        run.call(node, "model", "cancel", stage="container", timeout=60, tries=3, quiet=True)
        self._undo(node, "container", "container", "container_back", seconds=180)

    def _files(self, node: Node) -> None:
        self._undo(node, "files", "workdir", "files_back", seconds=60)

    def _undo(self, node: Node, stage: str, step: str, words: str, *, seconds: float) -> None:
        run = self._run
        run.check()
        run.bus.step(stage, node.index, Status.APPLYING)
        result = run.call(node, step, "undo", stage=stage, timeout=seconds, tries=3)
        if not result.ok:
            raise not_undone(result, "undo", step=Msg.of(f"deploy.stage.{stage}"))
        undone = any(
            fact[0] == "undone" or (fact[0] == "changed" and fact[1:] != ("0",))
            for fact in result.facts
        )
        if undone:
            run.touched(node, stage)
            run.bus.step(stage, node.index, Status.UNDONE, Msg.of(f"deploy.note.{words}"))
        else:
            run.bus.step(stage, node.index, Status.PRESENT, Msg.of("deploy.note.nothing_back"))


def _half(_node: Node) -> Msg:
    return Msg.of("deploy.half.undo")
