"""What is true of a deployment now: data for ``status`` and the screens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from glm47_tui.deploy.events import Phase
from glm47_tui.i18n import Msg, t
from glm47_tui.node.engine import FlagDifference

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
    flags: tuple[FlagDifference, ...] = ()
    """Where the running engine has other flags than the profile."""
    phase: Phase | None = None
    patches: str = "unknown"
    """patched, pristine, partial, builtin, foreign, plugin (nothing to patch), absent (there is
    no running container, or no scripts yet, to ask), unknown."""
    lock: LockHolder | None = None

    def lines(self) -> list[str]:
        """Return what is known of the node, a line a subject."""
        if self.error is not None:
            return [t(self.error)]
        phase = Msg.of(f"deploy.phase.{self.phase.value}") if self.phase is not None else "-"
        out = [
            t(f"deploy.now.engine.{self.engine}", pid=self.pid or "?", phase=phase,
              code="?" if self.exit_code is None else self.exit_code,
              since=_duration(self.uptime_s)),
            t(f"deploy.now.container.{self.container}", id=self.container_id or "-"),
            t("deploy.now.patches", state=Msg.of(f"deploy.now.patch.{self.patches}")),
            t("deploy.now.model", state=Msg.of(f"deploy.now.word.{self._word('model')}")),
        ]  # fmt: skip
        out[1:1] = [
            t("deploy.now.flag", name=d.name, running=d.running, wanted=d.wanted)
            for d in self.flags
        ]
        if self.lock is not None:
            out.append(t("deploy.now.lock", who=self.lock.who, age=self.lock.beat_age_s))
        return out

    def _word(self, step: str) -> str:
        word = self.steps.get(step, "unknown")
        return word if word in ("done", "missing", "differs", "broken") else "unknown"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole % 86400 // 3600, whole % 3600 // 60
    if days:
        return f"{days}d{hours:02d}h"
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{whole % 60:02d}s"


def _api_words(status: ServiceStatus) -> Msg:
    if status.serving:
        return Msg.of("deploy.now.serving", models=", ".join(status.models))
    if status.api_ok:
        return Msg.of("deploy.now.half", models=", ".join(status.models))
    return Msg.of("deploy.now.silent", why=status.api_note or Msg.of("deploy.now.word.unknown"))


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
        out = [t(_api_words(self))]
        for node in self.nodes:
            out.append(node.name)
            out += [f"  {line}" for line in node.lines()]
        return out

    def as_data(self) -> dict[str, Any]:
        """Return the status as JSON data."""
        from glm47_tui.deploy.events import plain

        return {"serving": self.serving, **dict(plain(self))}
