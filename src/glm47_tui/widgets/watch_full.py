"""One node enlarged: NPUs with health, figures, processes and history; ranks; vLLM there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from glm47_tui.i18n import t
from glm47_tui.monitor.state import MonitorState, NodeView, RankView
from glm47_tui.node import Npu
from glm47_tui.widgets.columns import duration, pad
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.lineview import LineView, Part
from glm47_tui.widgets.watch_nodes import History, number, spark, trouble

PROCESSES = 28
"""Columns that the processes of an NPU get before its history does: one process."""
PROCS_STALE_S = 15.0
"""Processes are looked at every 5 s: three times as old is stale."""
_TITLES = {"aicore": "AICore", "hbm": "HBM", "power": "W", "temp": "C"}
_TOPS = {"aicore": 100.0, "hbm": 100.0, "power": 500.0, "temp": 100.0}
"""What the top of a history stands for: percent, percent, W, degrees Celsius."""


class NodeFull(LineView):
    """Up and Down go to the next node; PageUp and PageDown scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "turn(-1)", show=False),
        Binding("down", "turn(1)", show=False),
    ]

    class Turned(Message):
        """The user asked for the next or former node."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._node: NodeView | None = None
        self._lines: list[Sequence[Part]] = []

    def action_turn(self, by: int) -> None:
        """Ask for the next (1) or former (-1) node."""
        self.post_message(self.Turned(by))

    def show(self, state: MonitorState, node: int, history: History) -> None:
        """Draw a node."""
        if self._node is not None and self._node.index != node:
            self.scroll_to(y=0, animate=False)
        self._node = state.nodes[node]
        self._lines = list(self._make(state, self._node, history))
        self.changed()

    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def parts(self, y: int) -> Sequence[Part]:
        """Return a line made by ``show``."""
        return self._lines[y]

    def _make(
        self, state: MonitorState, node: NodeView, history: History
    ) -> Iterator[Sequence[Part]]:
        npus = node.npu.npus if node.npu is not None else ()
        models = Counter(npu.name for npu in npus)
        what = ", ".join(f"{n} x {name}" for name, n in models.items())
        place = t("watch.full", at=node.index + 1, all=len(state.nodes))
        wrong = trouble(node, state.at)
        yield [(f"{node.name} {node.address}  ", "accent"), *wrong, (f"{what}  {place}", "quiet")]
        if npus:
            yield from self._npus(node, npus, state.at, history)
        for rank in state.engine.ranks:
            if rank.node == node.index:
                yield _rank(rank, state)
        if node.procs_at is not None:
            yield _procs(node, state.at)

    def _npus(
        self, node: NodeView, npus: Sequence[Npu], now: float, history: History
    ) -> Iterator[Sequence[Part]]:
        room = self.size.width - 46 - PROCESSES
        metrics = ["aicore", "hbm"] if room < 80 else list(_TITLES)
        width = min(30, room // len(metrics) - 1)
        if width < 6:
            metrics, width = [], 0
        titles = (
            pad("NPU", 4) + pad(t("watch.head.health"), 9) + pad("AICore%", 8, right=True)
            + pad("HBM MB", 14, right=True) + pad("W", 5, right=True) + pad("C", 4, right=True)
            + "  " + "".join(pad(_TITLES[metric], width + 1) for metric in metrics)
            + t("watch.head.processes")
        )  # fmt: skip
        yield [(pad(titles, self.size.width), "head")]
        plain = "quiet" if node.stale(now) else ""
        for npu in npus:
            used = "-" if npu.hbm_used_mb is None else f"{npu.hbm_used_mb}/{npu.hbm_total_mb}"
            mark = glyph("ok" if npu.healthy else "bad")
            line: list[Part] = [
                (pad(str(npu.device), 4), plain),
                (pad(f"{mark} {npu.health}", 9), plain if npu.healthy else "bad"),
                (number(npu.aicore_pct, 8) + pad(used, 14, right=True), plain),
                (number(npu.power_w, 5) + number(npu.temp_c, 4) + "  ", plain),
            ]
            for metric in metrics:
                series = history(node.index, npu.device, metric, 900)
                line.append((spark(series, width, _TOPS[metric]) + " ", plain or "info"))
            names = ", ".join(f"{p.pid} {p.name or '?'} {p.mem_mb or '-'}" for p in npu.processes)
            yield [*line, (names, plain)]


def _rank(rank: RankView, state: MonitorState) -> Sequence[Part]:
    stale = state.engine.stale(state.at)
    words = t(
        "watch.rank_full", rank=rank.engine, health=t(f"monitor.health.{rank.health.value}"),
        running=f"{rank.running:.0f}", waiting=f"{rank.waiting:.0f}",
        out="-" if rank.generation_per_s is None else f"{rank.generation_per_s:.1f}",
        prompt="-" if rank.prompt_per_s is None else f"{rank.prompt_per_s:.1f}",
        kv=f"{100 * rank.kv_usage:.0f}",
        ttft="-" if rank.ttft_s is None else f"{rank.ttft_s:.2f}",
    )  # fmt: skip
    line: list[Part] = [(words, "quiet" if stale else "")]
    if stale and state.engine.at is not None:
        line.append((f"  STALE {duration(state.at - state.engine.at)}", "warn"))
    return line


def _procs(node: NodeView, now: float) -> Sequence[Part]:
    assert node.procs_at is not None  # noqa: S101 - the caller looked
    age = now - node.procs_at
    stale = age > PROCS_STALE_S
    counts = Counter(f"{p.name}{' (T)' if p.state in 'Tt' else ''}" for p in node.procs)
    names = ", ".join(f"{n} x {name}" if n > 1 else name for name, n in counts.items())
    words = t("watch.procs", names=names) if names else t("watch.no_procs")
    line: list[Part] = [(words, "quiet" if stale else "")]
    if stale:
        line.append((f"  STALE {duration(age)}", "warn"))
    return line
