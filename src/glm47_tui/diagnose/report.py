"""What the diagnosis says of the logs of all nodes: data, put into words by the faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glm47_tui.i18n import Msg


@dataclass(frozen=True)
class Place:
    """Where a line stands. ``line`` counts from 1 in ``file``; ``node`` is a name (``node0``)."""

    node: str
    file: str
    line: int
    text: str
    """The line as it is read, without escape codes, at most 1000 characters."""
    time: float | None = None
    """Seconds since 1970 by the log's own stamp, None when it has none. Stamps of vLLM name
    neither year nor time zone: good for order and distance, not for telling the hour."""
    exact: bool = True
    """False when the line has no stamp and ``time`` is that of the last stamped one above it."""
    process: str = ""
    """The process that wrote it, as the log calls it (``Worker_TP3 pid=412``), "" if unsaid."""


@dataclass(frozen=True)
class Cause:
    """A first cause. ``entry`` is the catalogue's id, ``certainty`` certain, likely or possible."""

    entry: str
    title: Msg
    cause: Msg
    fix: Msg
    command: str
    certainty: str
    place: Place
    count: int = 1
    values: Mapping[str, str] = field(default_factory=dict)
    refs: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    """Ids of entries seen too that this one explains."""
    also: tuple[Place, ...] = ()
    """First sightings by other processes and nodes, at most seven, in their order."""


@dataclass(frozen=True)
class Stall:
    """Somebody waits: which node, in which phase, for whom, since when, and what usually holds it.

    ``since_s`` is how long it has lasted, in seconds. ``waits_for`` is a node name or None.
    """

    node: str
    phase: str
    waits_for: str | None
    since_s: float
    text: Msg
    fix: Msg
    command: str = ""


@dataclass(frozen=True)
class NodePhase:
    """How far a node's log goes: the phase it ends in (values of ``deploy.events.Phase``)."""

    node: str
    phase: str
    fraction: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All that was found. ``causes``: independent ones apart, the likeliest first cause first.

    Where ``causes`` is empty, ``first_error`` is the first ERROR of the first failing rank and
    ``exception`` the line of its exception, when there is one.
    """

    causes: tuple[Cause, ...] = ()
    notes: tuple[Cause, ...] = ()
    stalls: tuple[Stall, ...] = ()
    first_error: Place | None = None
    exception: Place | None = None
    phases: tuple[NodePhase, ...] = ()
    files: tuple[str, ...] = ()
    skipped_runs: int = 0
    """Earlier runs in the same files that were left out: a restart begins anew."""
    lines: int = 0
    bytes: int = 0
