"""Monitor: NPUs of all nodes and their logs side by side, live."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.deploy_view import npu_lines
from glm47_tui.widgets.logpane import LogPane
from glm47_tui.widgets.npustrip import NpuStrip
from glm47_tui.widgets.say import Say

TICK_S = 0.5
LINES = 2000


class MonitorScreen(StepScreen):
    """The strip, and a log a node."""

    STEP = "monitor"
    CSS_PATH = ["frame.tcss", "monitor.tcss"]  # noqa: RUF012 - Textual\'s own type
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "zoom", "screens.deploy.key.zoom"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._counts: list[int] = []

    def body(self) -> ComposeResult:
        """Make strip and logs."""
        yield NpuStrip(id="npus")
        yield Say(id="note")
        yield Horizontal(id="logs")

    def on_mount(self) -> None:
        """Draw, and go on drawing."""
        super().on_mount()
        self.set_interval(TICK_S, self._tick)

    def follow(self, topics: frozenset[str]) -> None:
        """Make a log a node."""
        del topics
        draft = self.session.draft
        whole = draft is not None and draft.profile is not None
        self.query_one("#note", Say).say("" if whole else "screens.deploy.no_profile")
        count = len(draft.nodes) if draft is not None and whole else 0
        if count != len(self._counts):
            self._counts = [0] * count
            logs = self.query_one("#logs", Horizontal)
            logs.remove_children()
            logs.mount_all([LogPane(id=f"log-{i}") for i in range(min(count, 4))])

    def _tick(self) -> None:
        draft = self.session.draft
        if self.app.screen is not self or draft is None or draft.profile is None:
            return
        monitor = self.session.watch.start()
        if monitor is None:
            return
        self.query_one("#npus", NpuStrip).show(npu_lines(monitor.snapshot(), time.time()))
        for i, pane in enumerate(self.query(LogPane)):
            total = monitor.board.logs.count(i)
            new = total - self._counts[i]
            if new > 0:
                pane.add(monitor.board.logs.raw(i, min(new, LINES)))
            self._counts[i] = total

    def action_zoom(self) -> None:
        """Give the logs the whole screen, or take it back."""
        self.toggle_class("-zoom")
