"""All NPUs of all nodes in a few lines: AICore, HBM, temperature, one line a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from glm47_tui.i18n import Msg, t
from glm47_tui.widgets.columns import duration, pad
from glm47_tui.widgets.glyphs import STYLE, glyph

CELL = 4
"""Cells that one number takes."""
MOST = 8
"""NPUs of a node shown one by one; more are drawn together as lowest and highest."""


@dataclass(frozen=True)
class NpuLine:
    """One node. Lists hold one number an NPU, None where it was not told."""

    name: str
    aicore: Sequence[float | None] = ()
    hbm: Sequence[float | None] = ()
    temp: Sequence[float | None] = ()
    power: Sequence[float | None] = ()
    health: Sequence[str] = ()
    age_s: float | None = None
    stale: bool = True
    note: Msg | None = None
    """Why there is nothing to show."""


class NpuStrip(Static):
    """A heading and a line a node."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._lines: Sequence[NpuLine] = ()

    def show(self, lines: Sequence[NpuLine]) -> None:
        """Draw the readings."""
        self._lines = lines
        self.relabel()

    def relabel(self) -> None:
        """Draw in the current language."""
        wide = self.size.width >= 88
        head = pad(t("widgets.npu.node"), 7)
        head += "".join(pad(t(f"widgets.npu.{i}"), MOST * CELL + 1) for i in ("aicore", "hbm"))
        head += t("widgets.npu.temp") + ("  W" if wide else "")
        rows = [
            Content.assemble((head, "$quiet")),
            *(_line(line, wide=wide) for line in self._lines),
        ]
        self.update(Content("\n").join(rows))


def _line(line: NpuLine, *, wide: bool) -> Content:
    name = pad(line.name, 7)
    if line.note is not None or not line.aicore:
        return Content.assemble(name, (t(line.note or Msg("widgets.npu.none")), "$quiet"))
    style = "$quiet" if line.stale else ""
    text = f"{_numbers(line.aicore)} {_numbers(line.hbm)} "
    temps = [v for v in line.temp if v is not None]
    text += pad(f"{max(temps):.0f}" if temps else "-", 3, right=True)
    watts = [v for v in line.power if v is not None]
    if wide:
        text += pad(f"{sum(watts):.0f}" if watts else "-", 6, right=True)
    parts: list[str | tuple[str, str]] = [name, (text, style)]
    ill = [str(i) for i, h in enumerate(line.health) if h not in ("OK", "")]
    if ill:
        parts.append((f" {glyph('bad')}{','.join(ill)}", STYLE["bad"]))
    if line.stale:
        age = duration(line.age_s) if line.age_s is not None else ""
        parts.append((f" STALE {age}", STYLE["warn"]))
    return Content.assemble(*parts)


def _numbers(values: Sequence[float | None]) -> str:
    if len(values) <= MOST:
        shown = "".join(pad("-" if v is None else f"{v:.0f}", CELL, right=True) for v in values)
        return pad(shown, MOST * CELL)
    known = [v for v in values if v is not None]
    shown = f"{min(known):.0f}..{max(known):.0f} ({len(values)})" if known else "-"
    return pad(f" {shown}", MOST * CELL)
