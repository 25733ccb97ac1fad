"""Monitor: NPUs, engine, events and logs of all nodes, live."""

from __future__ import annotations

from textual.app import ComposeResult

from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.monitor_pane import MonitorPane
from glm47_tui.widgets.say import Say
from glm47_tui.widgets.watch_nodes import NodeList


class MonitorScreen(StepScreen):
    """The monitor's pane as a step of the wizard."""

    STEP = "monitor"
    CSS_PATH = ["frame.tcss", "monitor.tcss"]  # noqa: RUF012 - Textual's own type

    def body(self) -> ComposeResult:
        """Make the pane, and the words for a draft that does not hold."""
        yield Say(id="note")
        yield MonitorPane()

    def on_mount(self) -> None:
        """Draw; the list of nodes has the keys first."""
        super().on_mount()
        self.query_one(NodeList).focus()

    def follow(self, topics: frozenset[str]) -> None:
        """Watch the draft's nodes once there is a draft that holds."""
        draft = self.session.draft
        whole = draft is not None and draft.profile is not None
        self.query_one("#note", Say).say("" if whole else "screens.deploy.no_profile")
        self.query_one("#note", Say).display = not whole
        pane = self.query_one(MonitorPane)
        pane.display = whole
        if whole and self.app.screen is self:
            monitor = self.session.watch.start()
            if monitor is not None:
                pane.attach(monitor)
        if "*" in topics:
            pane.relabel()
