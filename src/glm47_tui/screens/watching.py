"""The monitor as an app of its own: ``glm47-tui monitor`` and playing a recording."""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from glm47_tui.i18n import LANGUAGES, language, set_language
from glm47_tui.monitor import Monitor, Player
from glm47_tui.screens.monitor_pane import MonitorPane
from glm47_tui.widgets.keybar import KeyBar
from glm47_tui.widgets.quiet import QuietApp
from glm47_tui.widgets.theme import DARK, THEMES
from glm47_tui.widgets.watch_nodes import NodeList


class MonitorApp(QuietApp):
    """Shows one monitor until the user leaves."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = ["frame.tcss", "monitor.tcss"]  # noqa: RUF012 - Textual's own type
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "app.key.help"),
        Binding("f2", "language", "app.key.language"),
        Binding("q,ctrl+c,ctrl+q", "quit", "app.key.quit"),
    ]

    def __init__(self, source: Monitor | Player, *, bell: bool = False) -> None:
        super().__init__()
        self.source = source
        self.rings = bell
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        """Make the pane and the keys."""
        with Container(id="main"):
            yield MonitorPane(bell=self.rings)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin to watch."""
        # Readers of busy logs hold the interpreter for at most so long before a key is heard.
        sys.setswitchinterval(0.001)
        self.source.start()
        self.query_one(MonitorPane).attach(self.source)
        self.query_one(NodeList).focus()

    def on_unmount(self) -> None:
        """Stop watching."""
        self.source.stop()

    def action_help(self) -> None:
        """Say what the monitor shows, and its keys."""
        from glm47_tui.screens.dialogs.help import help_for

        self.push_screen(help_for(self.screen, "monitor"))

    def action_language(self) -> None:
        """Speak the other language."""
        at = LANGUAGES.index(language())
        set_language(LANGUAGES[(at + 1) % len(LANGUAGES)])
        self.query_one(MonitorPane).relabel()
        for bar in self.query("KeyRow"):
            bar.relabel()  # type: ignore[attr-defined]
