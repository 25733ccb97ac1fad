"""What the events of a run add up to: stages by nodes, phases, logs, diagnosis, outcome."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from glm47_tui.deploy.events import (
    Diagnosed,
    EnginePhase,
    Event,
    LogLine,
    Phase,
    Progress,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Status,
    StepChanged,
    Verified,
)
from glm47_tui.i18n import Msg
from glm47_tui.monitor.logs import CUT, LINE_CHARS

LOG_LINES = 5000
"""Lines kept of each node; the journal and the node have all of them."""
BUSY = (Status.LOOKING, Status.APPLYING)


@dataclass
class Cell:
    """A step on a node. Times are those of the events."""

    status: Status = Status.WAITING
    note: Msg | None = None
    began: float | None = None
    ended: float | None = None


@dataclass
class NodeLog:
    """The last lines of a node; ``total`` counts all that ever came."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    total: int = 0

    def add(self, text: str) -> None:
        """Take a line; of one that holds a whole prompt, or a file, its beginning."""
        if len(text) > LINE_CHARS:
            text = text[:LINE_CHARS] + CUT
        self.lines.append(text)
        self.total += 1

    def since(self, count: int) -> list[str]:
        """Return the lines after the first ``count``, as far as they are kept."""
        new = min(self.total - count, len(self.lines))
        return list(self.lines)[len(self.lines) - new :] if new > 0 else []


class RunState:
    """A run as its events tell it. Empty until the first one."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.cells: dict[tuple[str, int], Cell] = {}
        self.stage: str | None = None
        """The stage all nodes are in."""
        self.stages_ok: dict[str, bool] = {}
        self.progress: dict[int | None, Progress] = {}
        self.phases: dict[int, EnginePhase] = {}
        self.logs: dict[int, NodeLog] = {}
        self.diagnosed: list[Diagnosed] = []
        self.verified: list[Verified] = []
        self.now = 0.0
        """Time of the last event."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of the run, in order."""
        return self.started.stages if self.started is not None else ()

    @property
    def failed_stage(self) -> str | None:
        """The stage that did not hold, None when all did."""
        for (stage, _), cell in self.cells.items():
            if cell.status is Status.FAILED:
                return stage
        bad = [stage for stage, ok in self.stages_ok.items() if not ok]
        return bad[0] if bad else None

    @property
    def retry_stage(self) -> str | None:
        """Where a retry begins: an engine that ended is launched again, not waited for."""
        failed = self.failed_stage
        return "launch" if failed in ("ready", "verify") else failed

    def cell(self, stage: str, node: int) -> Cell:
        """Return a step's state on a node."""
        return self.cells.get((stage, node)) or Cell()

    def log(self, node: int) -> NodeLog:
        """Return a node's lines."""
        return self.logs.setdefault(node, NodeLog())

    def take(self, event: Event) -> None:
        """Add an event."""
        self.now = max(self.now, event.time)
        if isinstance(event, LogLine):
            self.log(event.node).add(event.text)
        elif isinstance(event, StepChanged):
            self._step(event)
        elif isinstance(event, Progress):
            self.progress[event.node] = event
        elif isinstance(event, EnginePhase):
            self.phases[event.node] = event
        elif isinstance(event, StageStarted):
            self.stage = event.stage
            self.progress.clear()
        elif isinstance(event, StageEnded):
            self.stages_ok[event.stage] = event.ok
        else:
            self._rare(event)

    def _rare(self, event: Event) -> None:
        if isinstance(event, Diagnosed):
            self.diagnosed.append(event)
        elif isinstance(event, Verified):
            self.verified = [v for v in self.verified if v.proof != event.proof]
            self.verified.append(event)
        elif isinstance(event, RunStarted):
            logs = self.logs
            self.__init__()  # type: ignore[misc]
            self.started, self.logs, self.now = event, logs, event.time
        elif isinstance(event, RunEnded):
            self.ended = event
            self.stage = None
            self.progress.clear()

    def _step(self, event: StepChanged) -> None:
        cell = self.cells.setdefault((event.stage, event.node), Cell())
        if cell.began is None and event.status is not Status.WAITING:
            cell.began = event.time
        cell.status = event.status
        cell.note = event.note
        cell.ended = None if event.status in BUSY else event.time
        if event.status not in BUSY:
            self.progress.pop(event.node, None)

    @property
    def serving(self) -> bool:
        """Whether the last run ended with a service that was proved."""
        started, ended = self.started, self.ended
        good = started is not None and ended is not None and ended.exit_code == 0
        return good and started is not None and started.verb == "deploy" and not started.dry_run

    @property
    def gone(self) -> tuple[int, ...]:
        """Nodes whose engine ended by itself."""
        return tuple(i for i, p in self.phases.items() if p.phase is Phase.GONE)
