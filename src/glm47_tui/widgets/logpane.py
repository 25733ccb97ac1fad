"""A log that takes lines in batches; levels are told by colour beside their own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip
from textual.widgets import Log

from glm47_tui.monitor.logs import brief

MAX_LINES = 5000
WHOLE = 100
"""Columns from which lines are shown whole; on less, the heads of vLLM's lines are cut down."""
_BAD = re.compile(r"\b(ERROR|CRITICAL|Traceback|Error:)")
_WARN = re.compile(r"\bWARN(ING)?\b")


class LogPane(Log):
    """Follows its end until the user scrolls up; End goes back to following."""

    COMPONENT_CLASSES = Log.COMPONENT_CLASSES | {"log--bad", "log--warn"}
    DEFAULT_CSS = """
    LogPane { .log--bad { color: $text-error; } .log--warn { color: $text-warning; } }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, max_lines=MAX_LINES, auto_scroll=False)
        self._following = True
        self._narrow = False

    def add(self, lines: Sequence[str]) -> None:
        """Write a batch."""
        if lines:
            self.write_lines([line or " " for line in lines])
            self.call_after_refresh(self._to_end)

    def replace(self, lines: Sequence[str]) -> None:
        """Begin anew with these lines, at their end."""
        self.clear()
        self._following = True
        self.add(lines)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Only who scrolls up ends the following.

        Where the end lies moves by itself: a bar below long lines or a pane above takes rows away.
        """
        super().watch_scroll_y(old_value, new_value)
        if self.is_vertical_scroll_end:
            self._following = True
        elif new_value < old_value:
            self._following = False

    def on_resize(self) -> None:
        """Stay at the end; show whole lines where there is room."""
        narrow = self.size.width < WHOLE
        if narrow is not self._narrow:
            self._narrow = narrow
            self._render_line_cache.clear()
            self.refresh()
        self.call_after_refresh(self._to_end)

    def _process_line(self, line: str) -> str:  # type: ignore[override]
        return super()._process_line(brief(line) if self._narrow else line)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return what is marked with the mouse, as it is shown."""
        return selection.extract("\n".join(map(self._process_line, self._lines))), "\n"

    def _to_end(self) -> None:
        if self._following and not self.is_vertical_scrollbar_grabbed:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def _update_size(self, updates: int, lines: list[str]) -> None:  # type: ignore[override]
        """Measure here: a worker thread for each batch would cost more than the measuring."""
        if lines:
            widest = max(cell_len(self._process_line(line)) for line in lines)
            self._update_maximum_width(updates, widest)

    def _render_line_strip(self, y: int, rich_style: Style) -> Strip:
        line = self._lines[y]
        if _BAD.search(line):
            rich_style = rich_style + self.get_component_rich_style("log--bad", partial=True)
        elif _WARN.search(line):
            rich_style = rich_style + self.get_component_rich_style("log--warn", partial=True)
        return super()._render_line_strip(y, rich_style)
