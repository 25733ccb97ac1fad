"""What a face sees of the monitored nodes: frozen snapshots, every number with its age.

Times are seconds since 1970 of the machine the monitor runs on, when a value arrived there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from glm47_tui.diagnose import NodePhase
from glm47_tui.i18n import Msg
from glm47_tui.monitor.frames import Proc
from glm47_tui.node import NpuTable

STALE_INTERVALS = 3
"""A value older than this many intervals is stale."""


class LinkState(str, Enum):
    """The connection to a node."""

    CONNECTING = "connecting"
    UP = "up"
    RETRYING = "retrying"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Link:
    """State of a connection. ``next_try``: when it is tried again; ``error``: why it broke."""

    state: LinkState = LinkState.CONNECTING
    since: float = 0.0
    attempt: int = 0
    next_try: float | None = None
    error: str = ""


@dataclass(frozen=True)
class NodeView:
    """One node at one moment. ``npu_at`` None: never read."""

    index: int
    name: str
    address: str
    link: Link
    npu: NpuTable | None = None
    npu_at: float | None = None
    npu_took_s: float = 0.0
    interval_s: float = 1.0
    procs: tuple[Proc, ...] = ()
    procs_at: float | None = None
    log_lines: int = 0
    log_at: float | None = None
    phase: NodePhase | None = None
    """How far the engine's start has come, where the lines read so far tell of one."""

    def age(self, now: float) -> float | None:
        """Seconds since the NPUs were read, None when they never were."""
        return None if self.npu_at is None else max(0.0, now - self.npu_at)

    def stale(self, now: float) -> bool:
        """Whether the NPU numbers are older than three intervals (or were never there)."""
        age = self.age(now)
        return age is None or age > STALE_INTERVALS * max(self.interval_s, self.npu_took_s, 0.5)


class RankHealth(str, Enum):
    """A data-parallel rank: working, idle, silent, held up by another one, hung, or dead."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    BUSY = "busy"
    SUSPECT = "suspect"
    WAITING = "waiting"
    HUNG = "hung"
    DEAD = "dead"


@dataclass(frozen=True)
class RankView:
    """One rank: its metrics as rates, and whether it lives. ``since`` is when its health began."""

    engine: str
    node: int | None
    health: RankHealth
    since: float
    reason: Msg | None = None
    running: float = 0.0
    waiting: float = 0.0
    kv_usage: float = 0.0
    prompt_per_s: float | None = None
    generation_per_s: float | None = None
    ttft_s: float | None = None


@dataclass(frozen=True)
class EngineView:
    """The engine as /metrics tells it. ``error`` says why there is nothing newer."""

    at: float | None = None
    interval_s: float = 2.0
    ranks: tuple[RankView, ...] = ()
    healthy: bool | None = None
    error: str = ""

    def stale(self, now: float) -> bool:
        """Whether the figures are older than three intervals (or were never there)."""
        return self.at is None or now - self.at > STALE_INTERVALS * self.interval_s


class Weight(str, Enum):
    """How much an event weighs."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class WatchEvent:
    """Something happened: when, where, how grave. ``kind`` is stable for scripts."""

    at: float
    kind: str
    weight: Weight
    node: int | None
    what: Msg
    fix: Msg | None = None
    quote: str = ""


@dataclass(frozen=True)
class MonitorState:
    """Everything at one moment."""

    at: float
    profile: str
    nodes: tuple[NodeView, ...]
    engine: EngineView
    events: tuple[WatchEvent, ...] = ()
    changes: int = 0
    """Grows with every change: the same number means that nothing has to be drawn again."""
