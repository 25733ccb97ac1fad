"""A log that takes lines in batches; levels are told by colour beside their own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip
from textual.widgets import Log

MAX_LINES = 5000
_BAD = re.compile(r"\b(ERROR|CRITICAL|Traceback|Error:)")
_WARN = re.compile(r"\bWARN(ING)?\b")


class LogPane(Log):
    """Follows its end until the user scrolls up; End goes back to following."""

    COMPONENT_CLASSES = Log.COMPONENT_CLASSES | {"log--bad", "log--warn"}
    DEFAULT_CSS = """
    LogPane { .log--bad { color: $text-error; } .log--warn { color: $text-warning; } }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, max_lines=MAX_LINES, auto_scroll=True)

    def add(self, lines: Sequence[str]) -> None:
        """Write a batch."""
        if lines:
            self.write_lines(
                [line or " " for line in lines], scroll_end=self.is_vertical_scroll_end
            )

    def replace(self, lines: Sequence[str]) -> None:
        """Begin anew with these lines, at their end."""
        self.clear()
        if lines:
            self.write_lines([line or " " for line in lines], scroll_end=True)

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
