"""What is true of a deployment now: data for ``status`` and the screens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from glm47_tui.deploy.events import Phase
from glm47_tui.i18n import Msg

ContainerState = Literal["running", "stopped", "absent", "differs", "unknown"]
EngineState = Literal["running", "differs", "dead", "absent", "unknown"]
"""``differs``: it runs with other settings than the profile's."""


@dataclass(frozen=True)
class LockHolder:
    """Who holds a node's lock. ``who`` is its own words, ``beat_age_s`` its last sign of life."""

    who: str
    beat_age_s: int


@dataclass(frozen=True)
class NodeStatus:
    """One node. ``error`` says why nothing is known of it."""

    index: int
    name: str
    error: Msg | None = None
    steps: Mapping[str, str] = field(default_factory=dict)
    """State word of each step (``done``, ``missing``, ``differs``, ``broken``) by stage."""
    container: ContainerState = "unknown"
    container_id: str = ""
    engine: EngineState = "unknown"
    pid: int | None = None
    uptime_s: float | None = None
    exit_code: int | None = None
    """Exit code of an engine that ended by itself."""
    phase: Phase | None = None
    patches: str = "unknown"
    """patched, pristine, partial, builtin, foreign, plugin (nothing to patch), unknown."""
    lock: LockHolder | None = None


@dataclass(frozen=True)
class ServiceStatus:
    """The whole. ``api_ok``: node 0's API lists the model that the profile names."""

    profile: str
    nodes: tuple[NodeStatus, ...]
    api_ok: bool
    models: tuple[str, ...] = ()
    api_note: Msg | None = None

    @property
    def serving(self) -> bool:
        """Whether all engines run and the API answers."""
        return self.api_ok and all(n.engine in ("running", "differs") for n in self.nodes)

    def lines(self) -> list[str]:
        """Return the status as lines for people."""
        raise NotImplementedError

    def as_data(self) -> dict[str, Any]:
        """Return the status as JSON data."""
        from glm47_tui.deploy.events import plain

        return {"serving": self.serving, **dict(plain(self))}
