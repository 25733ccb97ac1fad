"""What the monitor shows, in the wizard and alone: engine, nodes, events, logs, and their keys."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from glm47_tui.errors import UserError
from glm47_tui.i18n import t
from glm47_tui.monitor import LEVELS, Monitor, Player
from glm47_tui.monitor.feed import LogFeed
from glm47_tui.programs import chosen
from glm47_tui.screens.monitor_words import engine_line, log_title, node_titles, played, rank_line
from glm47_tui.screens.paging import page
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.lineview import LineView
from glm47_tui.widgets.quiet import seen
from glm47_tui.widgets.watch_events import EventList
from glm47_tui.widgets.watch_full import NodeFull
from glm47_tui.widgets.watch_logs import SIDE_BY_SIDE, LogView, expression, log_groups
from glm47_tui.widgets.watch_nodes import NodeList

TICK_S = 0.1
NODES_S = 0.5
GC_OBJECTS = 10_000
LOG_COLUMNS = 50
"""Columns a log needs for more than the name of the process that wrote the line."""


class MonitorPane(Container):
    """Draws one :class:`Monitor` or :class:`Player`; ``attach`` says which."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "watch.key.pause"),
        Binding("slash", "search", "watch.key.search", key_display="/"),
        Binding("n", "find(1)", "watch.key.next", show=False),
        Binding("N", "find(-1)", "watch.key.former", show=False),
        Binding("v", "level", "watch.key.level"),
        Binding("m", "layout", "watch.key.layout"),
        Binding("f", "first_error", "watch.key.first_error"),
        Binding("e", "events", "watch.key.events"),
        Binding("i", "enlarge", "watch.key.enlarge"),
        Binding("z", "zoom", "watch.key.zoom"),
        Binding("y", "copy", "watch.key.copy", show=False),
        Binding("o", "pager", "watch.key.pager", show=False),
        Binding("escape", "back", show=False),
        Binding("less_than_sign", "speed(-1)", show=False),
        Binding("greater_than_sign", "speed(1)", show=False),
    ]

    def __init__(self, *, id: str = "watch", bell: bool = False) -> None:
        super().__init__(id=id)
        self.bell = bell
        self.source: Monitor | Player | None = None
        self._level = 0
        self._pattern: re.Pattern[str] | None = None
        self._sought = ""
        self._layout = "side"
        self._layout_chosen = False
        self._made: tuple[str, int] = ("", 0)
        self._views: list[LogView] = []
        self._pool: list[LogView] = []
        self._full = False
        self._drawn = -1
        self._drawn_at = 0.0
        self._events_seen = 0.0

    def compose(self) -> ComposeResult:
        """Make the parts; which of them are seen is told by classes."""
        yield Static(id="watch-engine", markup=False)
        yield Static(id="watch-titles", markup=False)
        yield NodeList(id="watch-nodes")
        yield NodeFull(id="watch-full")
        yield EventList(id="watch-events")
        yield Static(id="watch-log-title", markup=False)
        yield Input(id="watch-search", compact=True)
        yield Horizontal(id="watch-logs")

    def on_mount(self) -> None:
        """Begin to draw."""
        self.set_interval(TICK_S, self.tick)
        self.set_interval(TICK_S / 3, self.read)

    def attach(self, source: Monitor | Player) -> None:
        """Show a monitor; the same one again changes nothing."""
        if source is self.source:
            return
        self.source = source
        self._drawn = -1
        self._layout_chosen = False
        self._fit()
        self._make_logs()
        # What the app consists of by now stays: the collector need not look at all of it again and
        # again while thousands of log lines a second come and go (a full look: 50 to 90 ms deaf).
        # What comes and goes then is looked at less often than after every 700 objects: a look
        # through all lines held takes 10 to 20 ms, too.
        self.call_after_refresh(gc.freeze)
        gc.set_threshold(GC_OBJECTS, 10, 10)

    def _fit(self) -> None:
        """Give the list of nodes its height, and choose how logs stand until the user does."""
        nodes, size = len(self._names()), self.app.size
        # Of many nodes as many as leave most of the screen to their logs; the rest is scrolled to.
        self.query_one("#watch-nodes").styles.height = max(1, min(nodes, max(4, size.height // 3)))
        if not self._layout_chosen:
            roomy = (self.size.width or size.width) >= nodes * LOG_COLUMNS
            self._layout = "side" if nodes <= SIDE_BY_SIDE and roomy else "merged"

    def on_resize(self, event: events.Resize) -> None:
        """Follow the terminal's size."""
        del event
        if self.source is None:
            return
        before = self._layout
        self._fit()
        if self._layout != before:
            self._make_logs()
        self.relabel()
        self.call_after_refresh(self.query_one(NodeList).show_chosen)

    def _names(self) -> list[str]:
        assert self.source is not None  # noqa: S101
        return [node.name for node in self.source.board.snapshot().nodes]

    def _make_logs(self) -> None:
        if self.source is None:
            return
        names = self._names()
        chosen = self.query_one(NodeList).selected or 0
        groups = log_groups(self._layout, len(names), chosen)
        if (self._layout, len(groups)) != self._made:
            self._made = (self._layout, len(groups))
            wide = max(len(name) for name in names)
            shown = [pad(name, wide) for name in names] if self._layout == "merged" else ()
            self._show_views(len(groups), shown)
            self.call_after_refresh(self._hold_focus)
        views = self._views
        for view, group in zip(views, groups, strict=True):
            view.pattern = self._pattern
            store = self.source.board.logs
            # A search marks what it finds and hides nothing; a level hides.
            view.watch_feed(LogFeed(store, group, level=self._level))
        self._title()

    def _show_views(self, count: int, names: Sequence[str]) -> None:
        """Show so many logs. Views are kept for the next layout, never removed.

        Textual holds on to what a removed widget has painted (an lru_cache in its StylesCache, up
        to 1024 of them): a pane that is open for weeks would grow with each change of layout.
        """
        new = [LogView() for _ in range(count - len(self._pool))]
        if new:
            self._pool += new
            self.query_one("#watch-logs", Horizontal).mount_all(new)
        self._views = self._pool[:count]
        for view in self._pool:
            view.display = view in self._views
            view.forget(names)

    def _hold_focus(self) -> None:
        """Give the focus to a part that is seen: without one the pane would hear no key."""
        if self.app.screen is not self.screen or self.has_class("-searching"):
            return
        held = self.screen.focused
        if held is not None and held.region and held.is_attached:
            return
        part: LineView | None
        if self.has_class("-zoom"):
            part = self._views[0] if self._views else None
        else:
            part = self.query_one(NodeFull if self._full else NodeList)
        if part is not None:
            part.focus(scroll_visible=False)

    def _title(self) -> None:
        if self.source is None:
            return
        views = self._views
        behind = sum(view.behind for view in views)
        following = all(view.following for view in views)
        names = [
            ", ".join(self._names()[n] for n in view.feed.nodes) for view in views if view.feed
        ]
        words = log_title(
            self._layout, " | ".join(names), LEVELS[self._level] if self._level else "",
            self._sought if self._pattern else "", following=following, behind=behind,
        )  # fmt: skip
        self.query_one("#watch-log-title", Static).update(Content(words))

    def read(self) -> None:
        """Between two draws: look at new lines in small parts, so that no key waits for many."""
        if self.source is not None and self.is_on_screen:
            for view in self._views:
                if view.feed is not None:
                    view.feed.read()

    def tick(self) -> None:
        """Take what is new; draw what changed."""
        source = self.source
        if source is None or not self.is_on_screen:
            return
        moved = [view.pull() for view in self._views]
        if any(moved) and not all(view.following for view in self._views):
            self._title()
        now = time.monotonic()
        age = now - self._drawn_at
        if (source.board.changes != self._drawn and age >= NODES_S) or age >= 1.0:
            self._drawn, self._drawn_at = source.board.changes, now
            self._draw()

    @property
    def is_on_screen(self) -> bool:
        """Whether the pane is seen: what stands beside a dialog must not grow old unsaid."""
        return seen(self.screen)

    def _draw(self) -> None:
        """Draw what a monitor says. At once, where a part that was hidden comes back: it is old."""
        if self.source is None:
            return
        state = self.source.board.snapshot()
        history = self.source.board.history
        nodes = self.query_one(NodeList)
        lines = [engine_line(state)]
        ranks = rank_line(state)
        if ranks:
            lines.append(ranks)
        if isinstance(self.source, Player):
            lines[0] = Content.assemble(played(self.source), lines[0])
        self.query_one("#watch-engine", Static).update(Content("\n").join(lines))
        if self._full:
            self.query_one(NodeFull).show(state, nodes.selected or 0, history)
        else:
            nodes.show(state, history)
            titles = node_titles(nodes.heading(), nodes.out_of_sight(), nodes.size.width)
            self.query_one("#watch-titles", Static).update(titles)
        self.query_one(EventList).show(state)
        new = len([e for e in state.events if e.at > self._events_seen])
        if state.events:
            self._events_seen = max(self._events_seen, state.events[-1].at)
        if new and self.bell:
            self.app.bell()

    def relabel(self) -> None:
        """Draw everything in the current language."""
        self._draw()
        self._title()

    def on_log_view_moved(self) -> None:
        """Say whether logs follow."""
        self._title()

    def on_node_list_enlarged(self, event: NodeList.Enlarged) -> None:
        """Show one node in full."""
        event.stop()
        self.action_enlarge()

    def on_node_list_chosen(self, event: NodeList.Chosen) -> None:
        """Show the chosen node's log where one log is shown."""
        event.stop()
        held = [view.feed.nodes for view in self._views if view.feed is not None]
        away = self._layout == "side" and (event.node,) not in held
        if self._layout == "one" or away:
            self._make_logs()
        if self._full:
            self._drawn_at = 0.0

    def on_node_full_turned(self, event: NodeFull.Turned) -> None:
        """Show the next or former node in full."""
        event.stop()
        nodes = self.query_one(NodeList)
        nodes.choose((nodes.selected or 0) + event.by)
        self._draw()

    def action_pause(self) -> None:
        """Hold all logs, or follow them again."""
        views = self._views
        if all(view.following for view in views):
            for view in views:
                view.pause()
        else:
            for view in views:
                view.action_follow()
        self._title()

    def action_search(self) -> None:
        """Ask what to look for."""
        self.add_class("-searching")
        self.query_one("#watch-search", Input).placeholder = t("watch.search")
        self.query_one("#watch-search", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Mark what was asked for, and go to the last place."""
        event.stop()
        self.remove_class("-searching")
        text = event.value.strip()
        self._sought = text
        self._pattern, plain = expression(text)
        if plain:
            self.app.notify(t("watch.no_expression"), timeout=5)
        views = self._views
        for view in views:
            view.pattern, view.selected = self._pattern, None
            view.refresh()
        if views:
            views[0].focus()
        if self._pattern is not None:
            self.action_find(-1)
        self._title()

    def action_find(self, step: int) -> None:
        """Go to the next or former match in the log that has the focus, else in any."""
        views = [v for v in self._views if v.has_focus] or self._views
        found = [view.find(step) for view in views]  # each of them moves
        if not any(found):
            self.app.notify(t("watch.not_found"), timeout=3)

    def action_first_error(self) -> None:
        """Go to the first error of each log."""
        found = [view.first_error() for view in self._views]  # each of them moves
        if not any(found):
            self.app.notify(t("watch.no_error"), timeout=3)

    def action_level(self) -> None:
        """Show INFO and up, warnings and up, errors only."""
        self._level = {0: 2, 2: 3, 3: 0}[self._level]
        self._make_logs()

    def action_layout(self) -> None:
        """Logs side by side, merged by time, or the chosen node's alone."""
        order = ["side", "merged", "one"]
        self._layout = order[(order.index(self._layout) + 1) % len(order)]
        self._layout_chosen = True
        self._make_logs()

    def action_events(self) -> None:
        """Show or hide the list of events."""
        self.toggle_class("-events")
        if self.has_class("-events"):
            self.query_one(EventList).focus()
        self.call_after_refresh(self._hold_focus)

    def action_enlarge(self) -> None:
        """One node in full, or all nodes dense."""
        self._full = not self._full
        self.set_class(self._full, "-full")
        self._draw()
        self.call_after_refresh(self._hold_focus)
        self.call_after_refresh(self.query_one(NodeList).show_chosen)

    def action_zoom(self) -> None:
        """Give the logs the whole pane, or take it back."""
        self.toggle_class("-zoom")
        self.call_after_refresh(self._hold_focus)

    def action_back(self) -> None:
        """Leave what was opened last."""
        if self.has_class("-searching"):
            self.remove_class("-searching")
            self.call_after_refresh(self._hold_focus)
        elif self._full:
            self.action_enlarge()
        elif self.has_class("-zoom"):
            self.action_zoom()

    def action_copy(self) -> None:
        """Copy the lines in sight by the terminal's own clipboard (OSC 52)."""
        events = self.query_one(EventList)
        if events.has_focus:
            lines = events.visible_lines()
        else:
            lines = [line for view in self._chosen_logs() for line in view.visible_lines()]
        self.app.copy_to_clipboard("\n".join(lines))
        self.app.notify(t("watch.copied", count=len(lines)), timeout=3)

    def action_pager(self) -> None:
        """Open the log in the user's pager."""
        lines = [line for view in self._chosen_logs() for line in view.all_lines()]
        try:
            page(self.app, "\n".join(lines) + "\n", chosen("PAGER", default="less -R"))
        except UserError as error:
            self.app.notify(str(error), severity="error", markup=False)

    def _chosen_logs(self) -> list[LogView]:
        return [v for v in self._views if v.has_focus] or self._views

    def action_speed(self, step: int) -> None:
        """Play a recording slower or faster."""
        if isinstance(self.source, Player):
            self.source.change_speed(step)
            self._drawn_at = 0.0
