"""What happened, with its time, newest first; the causes carry what mends them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from glm47_tui.i18n import t
from glm47_tui.monitor.state import MonitorState, WatchEvent, Weight
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.lineview import LineView, Part

_LOOK = {
    Weight.INFO: ("info", "quiet"),
    Weight.WARNING: ("warn", "warn"),
    Weight.CRITICAL: ("bad", "bad"),
}


class EventList(LineView):
    """A line an event, and a second one with the fix where there is one."""

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
        self._lines = [line for event in reversed(state.events) for line in _event(event, names)]
        if not self._lines:
            self._lines = [[(t("watch.none"), "quiet")]]
        self.changed()

    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def parts(self, y: int) -> Sequence[Part]:
        """Return a line."""
        return self._lines[y]


def _event(event: WatchEvent, names: Sequence[str]) -> list[list[Part]]:
    mark, style = _LOOK[event.weight]
    node = names[event.node] if event.node is not None and event.node < len(names) else ""
    clock = time.strftime("%m-%d %H:%M:%S", time.localtime(event.at))
    lines: list[list[Part]] = [
        [(f"{clock} ", "quiet"), (f"{glyph(mark)} ", style), (pad(node, 8), "accent"),
         (t(event.what), style)]
    ]  # fmt: skip
    if event.fix is not None:
        lines.append([(" " * 17, ""), (f"{t('watch.fix')} {t(event.fix)}", "")])
    return lines
