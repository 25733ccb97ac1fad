"""One reading of the monitor, as lines for people and as data for programs."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from glm47_tui.diagnose import phase_words
from glm47_tui.i18n import t

if TYPE_CHECKING:
    from glm47_tui.monitor import MonitorState, NodeView, RankView, WatchEvent


def text_lines(state: MonitorState) -> list[str]:
    """One reading in words."""
    out: list[str] = []
    for node in state.nodes:
        out.append(_node_line(node, state.at))
        out.extend(
            "  "
            + t(
                "monitor.text.npu", npu=npu.device, name=npu.name, health=npu.health,
                aicore=_num(npu.aicore_pct), used=_num(npu.hbm_used_mb),
                total=_num(npu.hbm_total_mb), power=_num(npu.power_w), temp=_num(npu.temp_c),
                procs=len(npu.processes),
            )
            for npu in (node.npu.npus if node.npu else ())
        )  # fmt: skip
        if node.link.error:
            out.append(f"  {node.link.error}")
        if node.phase is not None:
            out.append(f"  {t('monitor.text.phase', phase=phase_words(node.phase))}")
    out.extend(_engine_lines(state))
    for event in state.events[-20:]:
        clock = time.strftime("%m-%d %H:%M:%S", time.localtime(event.at))
        what = t(event.what)
        if event.node is not None:
            name = state.nodes[event.node].name
            what = t("monitor.text.event", name=name, what=what)
        out.append(f"{clock} {what}")
        if event.fix is not None:
            out.append(f"  {t('watch.fix', fix=t(event.fix))}")
    return out


def _node_line(node: NodeView, now: float) -> str:
    age = node.age(now)
    if age is None:
        words = t("monitor.text.never")
    else:
        key = "monitor.text.stale" if node.stale(now) else "monitor.text.age"
        words = t(key, seconds=f"{age:.1f}")
    link = t(f"monitor.link.{node.link.state.value}")
    return t("monitor.text.node", name=node.name, address=node.address, link=link, age=words)


def _engine_lines(state: MonitorState) -> list[str]:
    engine = state.engine
    if engine.at is None:
        if not engine.error:
            return [t("watch.engine_none")]
        return [t("watch.engine_why", why=engine.error)]
    ranks = engine.ranks
    key = "monitor.text.stale" if engine.stale(state.at) else "monitor.text.age"
    ttfts = [r.ttft_s for r in ranks if r.ttft_s is not None]
    out = [
        t("monitor.text.engine",
          running=f"{sum(r.running for r in ranks):g}",
          waiting=f"{sum(r.waiting for r in ranks):g}",
          generation=f"{sum(r.generation_per_s or 0 for r in ranks):.1f}",
          prompt=f"{sum(r.prompt_per_s or 0 for r in ranks):.1f}",
          kv=f"{100 * max((r.kv_usage for r in ranks), default=0.0):.0f}",
          ttft=f"{max(ttfts):.2f}" if ttfts else "-",
          age=t(key, seconds=f"{state.at - engine.at:.1f}"))
    ]  # fmt: skip
    if engine.healthy is False:
        out.append(f"  {t('watch.unhealthy')}")
    if engine.error:
        out.append(f"  {engine.error}")
    for rank in ranks:
        health = t(f"monitor.health.{rank.health.value}")
        key = "monitor.text.rank" if rank.reason is None else "monitor.text.rank_reason"
        out.append(
            t(key, rank=rank.engine, node=rank.node, health=health, reason=rank.reason or "")
        )
    return out


def _num(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def state_data(state: MonitorState) -> dict[str, Any]:
    """One reading as JSON data; every number of a node has ``age_s`` and ``stale`` beside it."""
    return {
        "time": state.at,
        "profile": state.profile,
        "nodes": [_node_data(node, state.at) for node in state.nodes],
        "engine": {
            "age_s": None if state.engine.at is None else round(state.at - state.engine.at, 3),
            "stale": state.engine.stale(state.at),
            "healthy": state.engine.healthy,
            "error": state.engine.error or None,
            "ranks": [_rank_data(rank) for rank in state.engine.ranks],
        },
        "events": [event_data(event) for event in state.events],
    }


def _node_data(node: NodeView, now: float) -> dict[str, Any]:
    age = node.age(now)
    npus = [
        {
            "npu": npu.device, "name": npu.name, "health": npu.health, "power_w": npu.power_w,
            "temp_c": npu.temp_c, "aicore_pct": npu.aicore_pct, "hbm_used_mb": npu.hbm_used_mb,
            "hbm_total_mb": npu.hbm_total_mb,
            "processes": [
                {"pid": p.pid, "name": p.name, "mem_mb": p.mem_mb} for p in npu.processes
            ],
        }
        for npu in (node.npu.npus if node.npu else ())
    ]  # fmt: skip
    return {
        "name": node.name,
        "address": node.address,
        "link": node.link.state.value,
        "error": node.link.error or None,
        "age_s": None if age is None else round(age, 3),
        "stale": node.stale(now),
        "npu_smi_s": node.npu_took_s,
        "npus": npus,
        "processes": [asdict(proc) for proc in node.procs],
        "log_lines": node.log_lines,
        "phase": asdict(node.phase) if node.phase is not None else None,
    }


def _rank_data(rank: RankView) -> dict[str, Any]:
    return {
        "rank": rank.engine, "node": rank.node, "health": rank.health.value,
        "reason": t(rank.reason) if rank.reason else None, "running": rank.running,
        "waiting": rank.waiting, "kv_usage": rank.kv_usage, "prompt_per_s": rank.prompt_per_s,
        "generation_per_s": rank.generation_per_s, "ttft_s": rank.ttft_s,
    }  # fmt: skip


def event_data(event: WatchEvent) -> dict[str, Any]:
    """An event as JSON data."""
    return {
        "time": event.at, "kind": event.kind, "weight": event.weight.value, "node": event.node,
        "what": t(event.what), "fix": t(event.fix) if event.fix else None,
        "quote": event.quote or None,
    }  # fmt: skip
