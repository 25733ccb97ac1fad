"""A log pane that keeps up with any flow: it draws the lines in sight and no others.

It follows the end until the user goes up; then what stands there stays, while new lines are
counted in the title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from glm47_tui.monitor.feed import LogFeed
from glm47_tui.monitor.logs import Line, brief
from glm47_tui.widgets.lineview import LineView, Part

_STYLES = ("quiet", "", "warn", "bad", "bad")
_MARKS = (" ", " ", "!", "✗", "✗")
_TAB = str.maketrans({"\t": "    "})


WHOLE = 100
"""Columns from which a log shows whole lines; on less, the head of each is cut down."""
SIDE_BY_SIDE = 4
"""Most logs beside each other; with more nodes they are merged."""


def log_groups(layout: str, nodes: int, chosen: int) -> list[list[int]]:
    """Return the nodes of each log: ``side``, ``merged`` or ``one`` (the chosen node's alone).

    Of more nodes than stand side by side, those around the chosen one.
    """
    if layout == "merged":
        return [list(range(nodes))]
    if layout == "one":
        return [[min(chosen, nodes - 1)]]
    first = min(chosen // SIDE_BY_SIDE * SIDE_BY_SIDE, max(0, nodes - SIDE_BY_SIDE))
    return [[i] for i in range(first, min(nodes, first + SIDE_BY_SIDE))]


def expression(text: str) -> tuple[re.Pattern[str] | None, bool]:
    """Return what to search for, and whether it is taken as it stands: no regular expression."""
    if not text:
        return None, False
    try:
        return re.compile(text, re.IGNORECASE), False
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(text), re.IGNORECASE), True


class LogView(LineView):
    """Lines of a :class:`LogFeed`. ``names`` stand in front of each line when several nodes mix."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("end", "follow", "watch.key.follow", show=False),
        Binding("left", "side(-20)", show=False),
        Binding("right", "side(20)", show=False),
    ]

    class Moved(Message):
        """The pane began or ceased to follow."""

    def __init__(self) -> None:
        super().__init__()
        self.feed: LogFeed | None = None
        self.following = True
        self.behind = 0
        self.pattern: re.Pattern[str] | None = None
        self._names: Sequence[str] = ()
        self._lines: Sequence[Line] = ()
        self._dropped = 0
        self._column = 0

    def forget(self, names: Sequence[str]) -> None:
        """Show nothing, until a feed is given, and be as new; ``names`` as for the class."""
        self.feed, self._names = None, names
        self._lines, self._dropped = (), 0
        self.following, self.behind = True, 0
        self.selected, self._column = None, 0

    def watch_feed(self, feed: LogFeed) -> None:
        """Show another feed, from its end."""
        self.feed = feed
        self.following = True
        self.behind = 0
        feed.pull()
        self._lines, self._dropped = feed.lines, feed.dropped
        self.changed()
        self._to_end()

    def pull(self) -> bool:
        """Take new lines; True when there were any."""
        if self.feed is None:
            return False
        new = self.feed.pull()
        if not new:
            return False
        if self.following:
            self._lines, self._dropped = self.feed.lines, self.feed.dropped
            self.changed()
            self._to_end()
        else:
            self.behind += new
        return True

    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def parts(self, y: int) -> Sequence[Part]:
        """Mark, node where several mix, and the text with what was searched for marked."""
        line = self._lines[y]
        style = _STYLES[line.level]
        out: list[Part] = [(f"{_MARKS[line.level]} ", style)]
        if self._names:
            out.append((f"{self._names[line.node]} ", "accent"))
        text = line.text.translate(_TAB)
        if self.size.width < WHOLE:
            text = brief(text)
        if self._column:
            text = text[self._column :]
        if self.pattern is None:
            out.append((text, style))
            return out
        at = 0
        for found in self.pattern.finditer(text):
            if found.end() == found.start():
                continue
            out.append((text[at : found.start()], style))
            out.append((found[0], "found"))
            at = found.end()
        out.append((text[at:], style))
        return out

    def visible_lines(self) -> list[str]:
        """Return the lines in sight, for copying."""
        top = self.scroll_offset.y
        return self._told(self._lines[top : top + self.size.height])

    def all_lines(self) -> list[str]:
        """Return all lines held, for a pager."""
        return self._told(self._lines)

    def _told(self, lines: Sequence[Line]) -> list[str]:
        if not self._names:
            return [line.text for line in lines]
        return [f"{self._names[line.node]} {line.text}" for line in lines]

    def _to_end(self) -> None:
        end = max(0, self.count() - self.scrollable_content_region.height)
        self.set_scroll(None, end)

    def set_scroll(self, x: float | None, y: float | None) -> None:
        """Move at once, without the animation machinery."""
        del x
        if y is not None:
            self.scroll_y = self.scroll_target_y = y

    def on_resize(self) -> None:
        """Stay at the end when the pane changes its size."""
        self.changed()
        if self.following:
            self._to_end()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Cease to follow when the user goes up; follow again at the end."""
        super().watch_scroll_y(old_value, new_value)
        end = max(0, self.count() - self.scrollable_content_region.height)
        if self.following and new_value < end and new_value < old_value:
            self._pause()
        elif not self.following and new_value >= end and new_value > old_value:
            self.action_follow()

    def _pause(self) -> None:
        self.following = False
        self.behind = 0
        # The feed drops lines at its front meanwhile: what is on the screen must stay.
        self._lines = list(self._lines)
        self.post_message(self.Moved())

    def pause(self) -> None:
        """Hold what is on the screen."""
        if self.following:
            self._pause()

    def action_follow(self) -> None:
        """Go to the end and follow it."""
        self.following = True
        self.behind = 0
        if self.feed is not None:
            self._lines, self._dropped = self.feed.lines, self.feed.dropped
        self.changed()
        self._to_end()
        self.post_message(self.Moved())

    def action_side(self, by: int) -> None:
        """Move long lines sideways."""
        self._column = max(0, self._column + by)
        self.refresh()

    def go_to(self, y: int) -> None:
        """Show a line in the middle and hold there."""
        self.pause()
        self.selected = y
        self.set_scroll(None, max(0, y - self.scrollable_content_region.height // 2))
        self.refresh()

    def find(self, step: int) -> bool:
        """Go to the next (1) or former (-1) match of ``pattern``; False when there is none."""
        if self.pattern is None:
            return False
        count = self.count()
        start = self.selected
        if start is None or start >= count:
            start = count if step < 0 else -1
        order = range(start + 1, count) if step > 0 else range(start - 1, -1, -1)
        for y in order:
            if self.pattern.search(self._lines[y].text):
                self.go_to(y)
                return True
        return False

    def first_error(self) -> bool:
        """Go to the first line of level ERROR or worse."""
        for y, line in enumerate(self._lines):
            if line.level >= 3:
                self.go_to(y)
                return True
        return False
