"""A one-line choice: ``< value >``. Left and right, space, enter or a click go on to the next.

In a form Enter goes on to the next field, as it does in lines of text: who leaves a form by Enter
again and again must not change a choice on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from glm47_tui.i18n import Msg
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.say import words


class Cycle(Widget, can_focus=True):
    """A value out of a few. ``names`` are the words of the values, in the same order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", show=False),
        Binding("enter", "enter", show=False),
        Binding("left", "turn(-1)", show=False),
    ]
    DEFAULT_CSS = """
    Cycle { height: 1; width: auto; min-width: 8; padding: 0 1; }
    """

    class Changed(Message):
        """The user chose another value."""

        def __init__(self, cycle: Cycle, value: Any) -> None:
            super().__init__()
            self.cycle = cycle
            self.value = value

        @property
        def control(self) -> Cycle:
            """The widget it happened in."""
            return self.cycle

    def __init__(
        self,
        values: Sequence[Any],
        names: Sequence[Msg | str],
        value: Any = None,
        *,
        id: str | None = None,
        in_form: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._in_form = in_form
        self.values = tuple(values)
        self.names = tuple(names)
        self._index = self.values.index(value) if value in self.values else 0

    @property
    def value(self) -> Any:
        """The value chosen."""
        return self.values[self._index]

    @value.setter
    def value(self, value: Any) -> None:
        if value in self.values and value != self.value:
            self._index = self.values.index(value)
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the widest value, so that nothing jumps."""
        del container, viewport
        return max(cell_len(words(name)) for name in self.names) + 4

    def render(self) -> RenderResult:
        """Draw ``< value >``."""
        arrows = "$quiet"
        widest = max(cell_len(words(name)) for name in self.names)
        name = pad(words(self.names[self._index]), widest)
        return Content.assemble(("< ", arrows), name, (" >", arrows))

    def relabel(self) -> None:
        """Draw in the current language."""
        self.refresh(layout=True)

    def action_turn(self, by: int) -> None:
        """Go on to another value."""
        self._index = (self._index + by) % len(self.values)
        self.refresh(layout=True)
        self.post_message(self.Changed(self, self.value))

    def action_enter(self) -> None:
        """Go on to another value, in a form to the next field."""
        if self._in_form:
            self.screen.focus_next()
        else:
            self.action_turn(1)

    def on_click(self, event: events.Click) -> None:
        """Go on to the next value."""
        event.stop()
        self.action_turn(1)
