"""What happened, with its time, newest first; the causes carry what mends them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.cells import cell_len

from glm47_tui.i18n import t
from glm47_tui.monitor.state import MonitorState, WatchEvent, Weight
from glm47_tui.widgets.columns import pad, wrapped
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.lineview import LineView, Part

_LOOK = {
    Weight.INFO: ("info", "quiet"),
    Weight.WARNING: ("warn", "warn"),
    Weight.CRITICAL: ("bad", "bad"),
}


class EventList(LineView):
    """Each event with its words, and what mends it where that is known; long ones are broken."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Sequence[Part]] = []
        self._key: tuple[object, ...] = ()

    def show(self, state: MonitorState) -> None:
        """Draw the events, if they are others than before."""
        key = (len(state.events), state.events[-1:], t("watch.none"), self.size.width)
        if key == self._key:
            return
        self._key = key
        names = [node.name for node in state.nodes]
        width = self.size.width - 1  # the scroll bar's
        self._lines = [
            line for event in reversed(state.events) for line in _event(event, names, width)
        ]
        if not self._lines:
            self._lines = [[(t("watch.none"), "quiet")]]
        self.changed()

    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def parts(self, y: int) -> Sequence[Part]:
        """Return a line."""
        return self._lines[y]

    def visible_lines(self) -> list[str]:
        """Return the lines in sight, for copying."""
        top = self.scroll_offset.y
        shown = self._lines[top : top + self.size.height]
        return ["".join(text for text, _ in line).rstrip() for line in shown]

    def on_resize(self) -> None:
        """Break the lines anew with the next drawing."""
        self._key = ()


def _event(event: WatchEvent, names: Sequence[str], width: int) -> list[list[Part]]:
    mark, style = _LOOK[event.weight]
    node = names[event.node] if event.node is not None and event.node < len(names) else ""
    clock = time.strftime("%m-%d %H:%M:%S", time.localtime(event.at))
    head: list[Part] = [
        (f"{clock} ", "quiet"), (f"{glyph(mark)} ", style), (pad(node, 8), "accent")
    ]  # fmt: skip
    indent = sum(cell_len(text) for text, _ in head)
    texts = [(t(event.what), style)]
    if event.fix is not None:
        texts.append((t("watch.fix", fix=t(event.fix)), ""))
    lines: list[list[Part]] = []
    for words, look in texts:
        for line in wrapped(words, max(20, width - indent)):
            lines.append([*(head if not lines else [(" " * indent, "")]), (line, look)])
    return lines
