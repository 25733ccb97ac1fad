"""Where you are: the steps with number, mark and name; a column when wide, a line when narrow."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult, RenderResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from glm47_tui.i18n import t
from glm47_tui.widgets.glyphs import STYLE, glyph

_GLYPH = {"none": "none", "done": "ok", "running": "run", "warning": "warn", "problem": "bad"}


class RailItem(Widget):
    """One step: ``1 name mark``. A click goes there."""

    def __init__(self, step: str, number: int, here: bool) -> None:
        super().__init__(id=f"rail-{step}", classes="-here" if here else None)
        self.step = step
        self.number = number
        self.mark = "none"

    def render(self) -> RenderResult:
        """Draw number, name and mark."""
        name = t(f"app.step.{self.step}")
        kind = _GLYPH[self.mark]
        style = "" if self.has_class("-here") else STYLE[kind]
        return Content.assemble(f"{self.number} {name} ", (glyph(kind), style))

    def relabel(self) -> None:
        """Draw in the current language."""
        self.refresh(layout=True)


class Rail(Widget):
    """All steps."""

    class Chosen(Message):
        """A step was clicked."""

        def __init__(self, step: str) -> None:
            super().__init__()
            self.step = step

    def __init__(self, steps: tuple[str, ...], here: str) -> None:
        super().__init__(id="rail")
        self._steps = steps
        self._here = here

    def compose(self) -> ComposeResult:
        """Make an item a step."""
        for number, step in enumerate(self._steps, 1):
            yield RailItem(step, number, step == self._here)

    def show(self, marks: Mapping[str, str]) -> None:
        """Show how the steps stand: none, done, running, warning or problem, by step."""
        for item in self.query(RailItem):
            new = str(marks.get(item.step, "none"))
            if new != item.mark:
                item.mark = new
                item.refresh()

    def on_click(self, event: events.Click) -> None:
        """Go to the step under the mouse."""
        if isinstance(event.widget, RailItem):
            self.post_message(self.Chosen(event.widget.step))
