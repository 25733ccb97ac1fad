"""Taking back: the engines (stop), or all that was done on the nodes (roll back)."""

from __future__ import annotations

from glm47_tui.deploy.deploying import connect, in_stage
from glm47_tui.deploy.engines import stop_engine, wait_free
from glm47_tui.deploy.errors import failed
from glm47_tui.deploy.events import Status
from glm47_tui.deploy.lock import Locks
from glm47_tui.deploy.run import Node, Run
from glm47_tui.i18n import Msg


class Undoing:
    """``stop`` and ``rollback``: both may run twice, and say what there was to take back."""

    def __init__(self, run: Run, locks: Locks) -> None:
        self._run = run
        self._locks = locks

    def stop(self) -> None:
        """End the engines on all nodes, peers and head side by side; all else stays."""
        run = self._run
        in_stage(run, "connect", lambda: connect(run))
        in_stage(run, "lock", lambda: self._locks.take(survey=()))
        in_stage(run, "launch", lambda: run.each("launch", self._stop, half=_half))

    def rollback(self) -> None:
        """Engines, patches byte for byte, container as before, files; the logs stay."""
        run = self._run
        self.stop()
        in_stage(run, "patches", lambda: run.each("patches", self._patches, half=_half))
        in_stage(run, "container", lambda: run.each("container", self._container, half=_half))
        in_stage(run, "files", lambda: run.each("files", self._files, half=_half))

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
            last = [x for x in (result.out + "\n" + result.err).splitlines() if x.strip()]
            line = last[-1] if last else f"exit {result.code}"
            raise failed("undo", step=Msg.of(f"deploy.stage.{stage}"), line=line[:300])
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
