"""The one stream of a run: frozen dataclasses, seen by screen, terminal, ``--json`` and journal.

``time`` is seconds since 1970 on the machine the tool runs on. ``node`` is a node number, None for
all nodes. Texts are :class:`Msg`, so that each face puts them into its own language.
"""

from __future__ import annotations

import time as _time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from glm47_tui.i18n import Msg, t


class Status(str, Enum):
    """Where a step stands on one node."""

    WAITING = "waiting"
    LOOKING = "looking"
    PRESENT = "present"
    """True already: nothing was done."""
    APPLYING = "applying"
    APPLIED = "applied"
    """Done by this run, and looked at again since."""
    NEEDED = "needed"
    """Dry run: a real run would apply it."""
    SKIPPED = "skipped"
    FAILED = "failed"
    UNDONE = "undone"


class Phase(str, Enum):
    """Phases of an engine's start, in their order. ``GONE``: the process ended."""

    STARTING = "starting"
    WAITING_PEER = "waiting_peer"
    WEIGHTS = "weights"
    PROFILING = "profiling"
    CAPTURE = "capture"
    SERVING = "serving"
    GONE = "gone"


def _now() -> float:
    return _time.time()


@dataclass(frozen=True)
class RunStarted:
    """A run begins. ``verb`` is deploy, stop, rollback or check; ``stages`` in order."""

    verb: str
    profile: str
    nodes: tuple[str, ...]
    stages: tuple[str, ...]
    dry_run: bool = False
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class StageStarted:
    """All nodes enter a stage."""

    stage: str
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class StageEnded:
    """All nodes are through a stage."""

    stage: str
    ok: bool
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class StepChanged:
    """A step's status on a node. ``note`` says why or what, for people."""

    stage: str
    node: int
    status: Status
    note: Msg | None = None
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class Progress:
    """How far a long wait is. ``fraction`` 0..1 or None when nobody knows.

    ``note`` says what is waited for; ``limit_s`` how long at most, ``elapsed_s`` since when.
    """

    stage: str
    node: int | None
    note: Msg
    fraction: float | None = None
    elapsed_s: float = 0.0
    limit_s: float | None = None
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class LogLine:
    """A line from a node. ``source`` is the stage that ran it, or ``engine`` for vLLM's own log."""

    node: int
    source: str
    text: str
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class EnginePhase:
    """An engine entered a phase, or got on within it (``fraction`` 0..1)."""

    node: int
    phase: Phase
    fraction: float | None = None
    detail: str = ""
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class Diagnosed:
    """A cause found in the logs. The words are a diagnosis entry's, by id and values."""

    node: int
    entry: str
    title: Msg
    cause: Msg
    fix: Msg
    command: str = ""
    file: str = ""
    line: int = 0
    quote: str = ""
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class Verified:
    """One proof of the result (``generation``, ``reasoning``, ``tool_call``, ...)."""

    proof: str
    ok: bool
    note: Msg
    time: float = field(default_factory=_now)


@dataclass(frozen=True)
class RunEnded:
    """A run is over. ``exit_code`` as in :class:`glm47_tui.errors.Exit`.

    ``changed`` counts steps that changed something; 0 with exit code 0 is "nothing to change".
    ``what``, ``why``, ``fix`` are the error's words when there is one.
    """

    exit_code: int
    changed: int
    seconds: float
    what: Msg | None = None
    why: Msg | None = None
    fix: Msg | None = None
    node: int | None = None
    time: float = field(default_factory=_now)


Event = (
    RunStarted | StageStarted | StageEnded | StepChanged | Progress | LogLine | EnginePhase
    | Diagnosed | Verified | RunEnded
)  # fmt: skip
Emit = Callable[[Event], None]


def to_json(event: Event) -> dict[str, Any]:
    """Return an event as JSON data: ``event`` names its kind; a Msg becomes ``{id, text, ...}``."""
    data = {f.name: plain(getattr(event, f.name)) for f in fields(event)}
    return {"event": type(event).__name__, **{k: v for k, v in data.items() if v is not None}}


def plain(value: Any) -> Any:
    """Return any of this room's data as JSON data; what is None stays None."""
    if isinstance(value, Msg):
        return {"id": value.id, "text": t(value), "args": plain(value.args)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
