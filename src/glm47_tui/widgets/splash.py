"""The first picture: the frame as it will be, drawn by one widget and without a style sheet."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from glm47_tui.i18n import t

STEPS = ("profile", "nodes", "checks", "review", "deploy", "monitor", "chat")
"""The steps of the wizard; the session room has the same, and a test compares them."""

WIDE = 100
RAIL = 16


class Picture(Widget):
    """Rail and title, drawn as text."""

    DEFAULT_CSS = """
    Picture { width: 100%; height: 100%; background: $background; }
    """

    def render(self) -> Content:
        """Draw the rail as a column when there is room, else as a line."""
        names = [f"{i} {t(f'app.step.{step}')}" for i, step in enumerate(STEPS, 1)]
        title = (t("app.step.profile"), "bold $primary")
        if self.size.width < WIDE:
            return Content.assemble(" " + "   ".join(names), "\n ", title)
        lines = [Content(""), Content.assemble(" ", names[0].ljust(RAIL), "  ", title)]
        for name in names[1:]:
            lines += [Content(""), Content(f" {name}")]
        return Content("\n").join(lines)


class Splash(Screen[None]):
    """Shown until the first step is loaded, and then under it."""

    def compose(self) -> ComposeResult:
        """Make the picture."""
        yield Picture()
