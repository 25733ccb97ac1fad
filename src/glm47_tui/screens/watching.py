"""The Monitor screen as an app of its own: ``glm47-tui monitor`` and playing a recording."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from glm47_tui.monitor import Monitor, Player
from glm47_tui.widgets.theme import DARK, THEMES


class MonitorApp(App[int]):
    """Shows one monitor until the user leaves."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,ctrl+c,ctrl+q", "quit", "app.key.quit")]

    def __init__(self, source: Monitor | Player, *, bell: bool = False) -> None:
        super().__init__()
        self.source = source
        self.rings = bell
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name
