"""Asks for one line of text."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Input

from glm47_tui.i18n import Msg
from glm47_tui.screens.dialogs.base import Dialog
from glm47_tui.widgets.line import Line
from glm47_tui.widgets.say import Say


class Entry(Dialog[str | None]):
    """One line of text. ``check`` returns what is wrong with it, None when nothing is."""

    CHOICES = (("ok", "widgets.key.ok"), ("cancel", "widgets.key.cancel"))

    def __init__(
        self,
        title: Msg | str,
        text: Msg | str,
        value: str = "",
        *,
        check: Callable[[str], Msg | None] | None = None,
    ) -> None:
        super().__init__(title)
        self._text = text
        self._value = value
        self._check = check

    def content(self) -> ComposeResult:
        """Make words and input."""
        yield Say(self._text, classes="dialog-text")
        yield Line(self._value, id="entry")
        yield Say(id="entry-wrong", classes="dialog-text -wrong")

    def on_mount(self) -> None:
        """Begin in the input."""
        self.query_one("#entry").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers."""
        event.stop()
        self.answer("ok")

    def answer(self, choice: str) -> None:
        """Hand back the text if it holds, None when the user does not want to."""
        value = self.query_one("#entry", Input).value.strip()
        if choice != "ok":
            self.dismiss(None)
            return
        wrong = self._check(value) if self._check else None
        if wrong is None:
            self.dismiss(value)
        else:
            self.query_one("#entry-wrong", Say).say(wrong)
