"""A row of a form: label, input, and under it what is wrong with it."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from glm47_tui.i18n import Msg
from glm47_tui.widgets.cycle import Cycle
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.line import Line
from glm47_tui.widgets.say import Say


class FieldRow(Vertical):
    """Label and input of one value. ``key`` names it; ``text`` is what the input holds at first.

    With ``choices`` (value, name) the input is a :class:`Cycle`, else a line of text.
    """

    class Edited(Message):
        """The user left the field, or chose a value. ``value`` is text, or a choice's value."""

        def __init__(self, row: FieldRow, value: Any) -> None:
            super().__init__()
            self.row = row
            self.value = value

    class Entered(Message):
        """The field got the focus."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        key: str,
        label: Msg | str,
        value: Any = "",
        *,
        choices: tuple[tuple[Any, Msg | str], ...] = (),
        placeholder: str = "",
        password: bool = False,
    ) -> None:
        super().__init__(id=f"field-{key}")
        self.key = key
        self._label = label
        if choices:
            values, names = zip(*choices, strict=True)
            self.input: Input | Cycle = Cycle(values, names, value, in_form=True)
        else:
            ways = {"enter": self._go_on, "up": self._previous, "down": self._next}
            self.input = Line(
                str(value), placeholder=placeholder, password=password, select_on_focus=False,
                ways=ways,
            )  # fmt: skip

    def compose(self) -> ComposeResult:
        """Make the row and the line under it."""
        with Horizontal(classes="field-line"):
            yield Static(glyph("here"), classes="field-here")
            yield Say(self._label, classes="field-label")
            yield self.input
        yield Say(classes="field-wrong")

    @property
    def value(self) -> Any:
        """What the input holds."""
        return self.input.value

    def put(self, value: Any) -> None:
        """Put another value in without saying that the user did."""
        if isinstance(self.input, Input):
            if self.input.value != str(value):
                with self.input.prevent(Input.Changed):
                    self.input.value = str(value)
        else:
            self.input.value = value

    def wrong(self, what: Msg | None) -> None:
        """Show what is wrong, or that nothing is."""
        if not self.is_mounted:  # a form that is being made is marked as a whole afterwards
            return
        line = self.query_one(".field-wrong", Say)
        line.display = what is not None
        if what is not None:
            line.say(Msg.of("widgets.field.wrong", mark=glyph("bad"), what=what))
        self.set_class(what is not None, "-wrong")

    def on_descendant_focus(self) -> None:
        """Tell which field is being filled in."""
        self.post_message(self.Entered(self))

    def on_descendant_blur(self) -> None:
        """Hand over what was written."""
        if isinstance(self.input, Input):
            self.post_message(self.Edited(self, self.input.value))

    def _go_on(self) -> None:
        """Enter goes on to the next field."""
        self.post_message(self.Edited(self, self.value))
        self._next()

    def _next(self) -> None:
        self.screen.focus_next()

    def _previous(self) -> None:
        self.screen.focus_previous()

    def on_cycle_changed(self, event: Cycle.Changed) -> None:
        """Hand over the choice."""
        event.stop()
        self.post_message(self.Edited(self, event.value))

    def on_key(self, event: events.Key) -> None:
        """Up and down go from field to field."""
        if event.key in ("up", "down"):
            event.stop()
            (self._previous if event.key == "up" else self._next)()
