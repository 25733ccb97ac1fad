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
    time: float | None = None
    """Seconds since 1970 by the log's own stamp, None when it has none."""


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


@dataclass(frozen=True)
class Stall:
    """Somebody waits: which node, in which phase, for whom, since when, and what usually holds it."""

    node: str
    phase: str
    waits_for: str | None
    since_s: float
    text: Msg
    fix: Msg


@dataclass(frozen=True)
class Report:
    """All that was found. ``causes``: independent ones apart, the likeliest first cause first.

    Where ``causes`` is empty, ``first_error`` is the first ERROR of the first failing rank.
    """

    causes: tuple[Cause, ...] = ()
    notes: tuple[Cause, ...] = ()
    stalls: tuple[Stall, ...] = ()
    first_error: Place | None = None
    lines: int = 0
    bytes: int = 0
