"""Lines of the monitor that are words: engine, ranks, what the logs show."""

from __future__ import annotations

import time

from rich.cells import cell_len
from textual.content import Content

from glm47_tui.diagnose import phase_words
from glm47_tui.i18n import t
from glm47_tui.monitor import MonitorState, Player, RankHealth, RankView
from glm47_tui.widgets.columns import duration, pad
from glm47_tui.widgets.glyphs import STYLE, glyph

_BAD = (RankHealth.DEAD, RankHealth.HUNG)
_LOOK = {
    RankHealth.DEAD: "bad", RankHealth.HUNG: "bad", RankHealth.SUSPECT: "warn",
    RankHealth.WAITING: "warn", RankHealth.BUSY: "run", RankHealth.IDLE: "ok",
    RankHealth.UNKNOWN: "unknown",
}  # fmt: skip
FEW = 4
"""Ranks named one by one while all is well."""


def engine_line(state: MonitorState) -> Content:
    """The engine's figures with their age, whether it serves, or why there are none."""
    engine = state.engine
    if engine.at is None:
        why = starting(state) or engine.error
        if not why:
            return Content.styled(t("watch.engine_none"), "$quiet")
        return Content(t("watch.engine_why", why=why))
    ranks = engine.ranks
    ttfts = [r.ttft_s for r in ranks if r.ttft_s is not None]
    words = t(
        "watch.engine",
        mark=glyph(_service(state)),
        running=f"{sum(r.running for r in ranks):.0f}",
        waiting=f"{sum(r.waiting for r in ranks):.0f}",
        out=f"{sum(r.generation_per_s or 0 for r in ranks):.1f}",
        prompt=f"{sum(r.prompt_per_s or 0 for r in ranks):.1f}",
        kv=f"{100 * max((r.kv_usage for r in ranks), default=0):.0f}",
        ttft=f"{max(ttfts):.2f}" if ttfts else "-",
    )
    if engine.stale(state.at):
        age = duration(state.at - engine.at)
        why = starting(state) or engine.error
        return Content.assemble((words, "$quiet"), (f"  STALE {age} ", STYLE["warn"]), why)
    if engine.healthy is False:
        return Content.assemble(words, (f"  {t('watch.unhealthy')}", STYLE["bad"]))
    return Content(words)


def _service(state: MonitorState) -> str:
    """The mark of the service: a rank that is dead counts for more than /health, which says 200."""
    engine = state.engine
    if engine.stale(state.at):
        return "unknown"
    if engine.healthy is False or any(rank.health in _BAD for rank in engine.ranks):
        return "bad"
    if any(rank.health in (RankHealth.SUSPECT, RankHealth.WAITING) for rank in engine.ranks):
        return "warn"
    return "ok" if engine.healthy else "unknown"


def starting(state: MonitorState) -> str:
    """How far the engines have come that start or have ended; empty when none does."""
    found = [(node.name, node.phase) for node in state.nodes if node.phase is not None]
    if all(phase.phase == "serving" for _, phase in found):
        return ""
    return "  ".join(f"{name} {phase_words(phase)}" for name, phase in found)


def rank_line(state: MonitorState) -> Content | None:
    """The ranks: each by name while they are few, else those that are not well."""
    ranks = state.engine.ranks
    if not ranks:
        return None
    ill = [r for r in ranks if r.health in (*_BAD, RankHealth.SUSPECT, RankHealth.WAITING)]
    shown = ranks if len(ranks) <= FEW else ill
    parts = [_rank(rank, state) for rank in shown]
    if len(ranks) > FEW:
        count = t("watch.ranks", well=len(ranks) - len(ill), all=len(ranks))
        parts.insert(0, Content(count))
    return Content("   ").join(parts)


def _rank(rank: RankView, state: MonitorState) -> Content:
    names = [node.name for node in state.nodes]
    node = names[rank.node] if rank.node is not None and rank.node < len(names) else "?"
    look = _LOOK[rank.health]
    words = f"rank {rank.engine} {node} {t(f'monitor.health.{rank.health.value}')}"
    reason = f" {t(rank.reason)}" if rank.reason is not None else ""
    if rank.health is RankHealth.BUSY:
        reason += " " + t(
            "watch.rank", running=f"{rank.running:.0f}", out=f"{rank.generation_per_s or 0:.1f}",
            ttft="-" if rank.ttft_s is None else f"{rank.ttft_s:.2f}",
        )  # fmt: skip
    style = STYLE[look] if look in ("bad", "warn") else ""
    if state.engine.stale(state.at) and not style:
        return Content.styled(f"{glyph('unknown')} {words}{reason}", "$quiet")
    return Content.assemble((f"{glyph(look)} ", STYLE[look]), (f"{words}{reason}", style))


def log_title(
    layout: str, nodes: str, level: str, pattern: str, *, following: bool, behind: int
) -> str:
    """What the logs show, and whether they follow."""
    parts = [t(f"watch.layout.{layout}", nodes=nodes)]
    if level:
        parts.append(t("watch.level", level=level))
    if pattern:
        parts.append(t("watch.found", text=pattern))
    parts.append(t("watch.following") if following else t("watch.paused", count=behind))
    return "  ".join(parts)


def played(player: Player) -> str:
    """The time that is being played, and how fast."""
    when = time.strftime("%m-%d %H:%M:%S", time.localtime(player.at))
    pace = t("watch.ended") if player.ended else f"x{player.speed:g}"
    return f"{when} {pace}  "


def node_titles(heading: str, hidden: str, width: int) -> Content:
    """The heading of the nodes; at its end, whatever it covers, what is wrong out of sight."""
    if not hidden:
        return Content(heading)
    words = pad(f" {glyph('bad')} {hidden}", min(width // 2, cell_len(hidden) + 3))
    return Content.assemble(pad(heading, width - cell_len(words)), (words, STYLE["bad"]))
