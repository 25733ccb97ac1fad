"""All nodes dense, a line each, or one node enlarged, with sparklines of fifteen minutes.

Sparklines are Braille dots: block elements are of ambiguous width in Chinese terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from glm47_tui.i18n import t
from glm47_tui.monitor.history import thin
from glm47_tui.monitor.state import LinkState, MonitorState, NodeView
from glm47_tui.node import Npu
from glm47_tui.widgets.columns import duration, pad
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.lineview import LineView, Part

History = Callable[[int, int, str, int], Sequence[float]]
"""(node, NPU, metric, points) -> values, the newest last; see ``Board.history``."""

WIDE = 88
"""Columns from which HBM is shown for each NPU; below it is the fullest one's."""
ENGINE = 190
"""Columns from which the figures of a node's ranks stand in its line, too."""
HISTORY_AT = 58
"""Where the history begins that stands on a narrow screen while nothing is wrong."""

_LEFT = (0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x80, 0xA0, 0xB0, 0xB8)


def spark(values: Sequence[float], width: int, top: float = 100.0) -> str:
    """Draw a series in ``width`` characters, two points each, four steps high; gaps stay empty."""
    points = thin(values, width * 2)
    points = [float("nan")] * (width * 2 - len(points)) + points
    out = []
    for i in range(0, width * 2, 2):
        code = 0x2800
        for value, dots in ((points[i], _LEFT), (points[i + 1], _RIGHT)):
            if not isnan(value):
                code |= dots[min(3, max(0, int(4 * value / top)))]
        out.append(chr(code))
    return "".join(out)


def number(value: float | None, width: int) -> str:
    """Return a number without decimals, right-aligned; ``-`` where nobody knows."""
    return pad("-" if value is None else f"{value:.0f}", width, right=True)


def share(npu: Npu) -> float | None:
    """HBM in use, percent."""
    if npu.hbm_used_mb is None or not npu.hbm_total_mb:
        return None
    return 100 * npu.hbm_used_mb / npu.hbm_total_mb


class NodeList(LineView):
    """A line a node; Enter enlarges the one that is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("enter", "enlarge", "watch.key.enlarge", show=False),
    ]

    class Enlarged(Message):
        """The user asked for one node in full."""

        def __init__(self, node: int) -> None:
            super().__init__()
            self.node = node

    class Chosen(Message):
        """Another node was chosen."""

        def __init__(self, node: int) -> None:
            super().__init__()
            self.node = node

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.selected = 0
        self._state: MonitorState | None = None
        self._history: History = lambda *_: ()

    def show(self, state: MonitorState, history: History) -> None:
        """Draw the readings."""
        self._state, self._history = state, history
        self.changed()

    def count(self) -> int:
        """How many nodes there are."""
        return len(self._state.nodes) if self._state is not None else 0

    def parts(self, y: int) -> Sequence[Part]:
        """Name, AICore and HBM of each NPU, hottest, power, history, and what is wrong."""
        assert self._state is not None  # noqa: S101 - count() is 0 before
        node = self._state.nodes[y]
        out: list[Part] = [(pad(node.name, 8), "accent")]
        if node.npu is None or not node.npu.npus:
            return [*out, *trouble(node, self._state.at)]
        stale = node.stale(self._state.at)
        plain = "quiet" if stale else ""
        npus = node.npu.npus
        width = self.size.width
        out.append((_cells([n.aicore_pct for n in npus]) + "  ", plain))
        used = [share(n) for n in npus]
        if width >= WIDE:
            out.append((_cells(used) + " ", plain))
        else:
            out.append((number(max((v for v in used if v is not None), default=None), 5), plain))
        temps = [n.temp_c for n in npus if n.temp_c is not None]
        watts = [n.power_w for n in npus if n.power_w is not None]
        out.append((number(max(temps) if temps else None, 4), plain))
        out.append((number(sum(watts) if watts else None, 6) + " ", plain))
        if width >= 100:
            series = self._history(y, npus[0].device, "aicore", 900)
            out.append((spark(series, min(30, width - 96)) + " ", "quiet" if stale else "info"))
        if width >= ENGINE:
            out.append(_engine(self._state, y))
        wrong = [*_ill(npus), *trouble(node, self._state.at)]
        room = width - HISTORY_AT
        if width < WIDE and _has_history(width) and not wrong:
            # No room for both: what is wrong comes first.
            series = self._history(y, npus[0].device, "aicore", 900)
            out.append((spark(series, room), "info"))
        return [*out, *wrong]

    def heading(self) -> str:
        """Return the heading that fits the columns."""
        wide = self.size.width >= WIDE
        hbm = pad(t("watch.head.hbm"), 33) if wide else pad(t("watch.head.hbm_most"), 5, right=True)
        return (
            pad(t("watch.head.node"), 8) + pad(t("watch.head.aicore"), 34)
            + hbm + pad(t("watch.head.temp"), 4, right=True)
            + pad(t("watch.head.power"), 6, right=True)
            + (f" {pad(t('watch.head.history'), 31 if self.size.width >= ENGINE else 15)}"
               if _has_history(self.size.width) else "")
            + (_columns([t(f"watch.head.{x}") for x in
                         ("running", "waiting", "out", "prompt", "kv", "ttft")])
               if self.size.width >= ENGINE else "")
        )  # fmt: skip

    def out_of_sight(self) -> str:
        """Name the nodes that something is wrong with and that are not in sight; else ""."""
        if self._state is None or not self.size.height:
            return ""
        top = self.scroll_offset.y
        seen = range(top, top + self.size.height)
        return " ".join(
            node.name for node in self._state.nodes if node.index not in seen
            and (node.stale(self._state.at) or node.link.state is LinkState.RETRYING
                 or (node.npu is not None and _ill(node.npu.npus)))
        )  # fmt: skip

    def action_move(self, by: int) -> None:
        """Choose another node."""
        self.choose((self.selected or 0) + by)

    def choose(self, node: int) -> None:
        """Choose a node and bring it into sight."""
        if not self.count():
            return
        self.selected = min(max(node, 0), self.count() - 1)
        self.show_chosen()
        self.post_message(self.Chosen(self.selected))

    def show_chosen(self) -> None:
        """Bring the chosen node into sight."""
        top, height = self.scroll_offset.y, self.size.height
        if height and not top <= (self.selected or 0) < top + height:
            self.scroll_to(y=max(0, (self.selected or 0) - height + 1), animate=False)
        self.refresh()

    def action_enlarge(self) -> None:
        """Ask for the chosen node in full."""
        self.post_message(self.Enlarged(self.selected or 0))


def _columns(values: Sequence[str]) -> str:
    """Right-aligned: running, waiting, tokens/s out and in, KV use, time to first token."""
    widths = (8, 8, 11, 9, 7, 11)
    return "".join(pad(x, width, right=True) for x, width in zip(values, widths, strict=True))


def _engine(state: MonitorState, node: int) -> Part:
    """The figures of a node's ranks together; of KV use and waiting times the greatest."""
    ranks = [rank for rank in state.engine.ranks if rank.node == node]
    if not ranks:
        return _columns(["-"] * 6) + "  ", "quiet"
    ttfts = [rank.ttft_s for rank in ranks if rank.ttft_s is not None]
    outs = [rank.generation_per_s for rank in ranks if rank.generation_per_s is not None]
    ins = [rank.prompt_per_s for rank in ranks if rank.prompt_per_s is not None]
    words = [
        f"{sum(rank.running for rank in ranks):.0f}", f"{sum(rank.waiting for rank in ranks):.0f}",
        f"{sum(outs):.1f}" if outs else "-", f"{sum(ins):.1f}" if ins else "-",
        f"{100 * max(rank.kv_usage for rank in ranks):.0f}",
        f"{max(ttfts):.2f}" if ttfts else "-",
    ]  # fmt: skip
    return _columns(words) + "  ", "quiet" if state.engine.stale(state.at) else ""


def _has_history(width: int) -> bool:
    return width >= 100 or HISTORY_AT + 8 <= width < WIDE


def _ill(npus: Sequence[Npu]) -> list[Part]:
    """NPUs that are not well, by what the driver calls it."""
    by: dict[str, list[str]] = {}
    for npu in npus:
        if not npu.healthy:
            by.setdefault(npu.health, []).append(str(npu.device))
    out: list[Part] = []
    for health, ids in by.items():
        which = t("watch.all_npus") if len(ids) == len(npus) > 1 else f"NPU {','.join(ids)}"
        out.append((f"{glyph('bad')} {which} {health} ", "bad"))
    return out


def _cells(values: Sequence[float | None]) -> str:
    if len(values) <= 8:
        return pad("".join(number(v, 4) for v in values), 32)
    known = [v for v in values if v is not None]
    words = f"{min(known):.0f}..{max(known):.0f} ({len(values)})" if known else "-"
    return pad(f" {words}", 32)


def trouble(node: NodeView, now: float) -> list[Part]:
    """What is wrong with a node's connection or npu-smi, and how old its numbers are."""
    out: list[Part] = []
    if node.npu is not None and not node.npu.npus and node.npu.problem:
        out.append((f"{glyph('bad')} npu-smi: {node.npu.problem} ", "bad"))
    age = node.age(now)
    if node.stale(now) and (age is not None or node.link.state is LinkState.RETRYING):
        out.append((f"STALE {duration(age)} " if age is not None else "", "warn"))
    if node.link.state is LinkState.RETRYING:
        wait = max(0.0, (node.link.next_try or now) - now)
        out.append((t("watch.retry", seconds=f"{wait:.0f}", error=node.link.error), "warn"))
    elif node.npu is None:
        out.append((t(f"monitor.link.{node.link.state.value}"), "quiet"))
    return out
