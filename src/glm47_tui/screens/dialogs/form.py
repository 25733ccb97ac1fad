"""Asks for several values, each checked when it is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import ComposeResult

from glm47_tui.i18n import Msg
from glm47_tui.screens.dialogs.base import Dialog
from glm47_tui.widgets.field import FieldRow
from glm47_tui.widgets.say import Say


class Form(Dialog[bool]):
    """Rows of fields. ``edited`` takes a value and returns what is wrong with it.

    Values are handed over as they are edited; the answer tells whether the user pressed OK.
    """

    CHOICES = (("ok", "widgets.key.ok"), ("cancel", "widgets.key.cancel"))

    def __init__(
        self,
        title: Msg | str,
        rows: Sequence[FieldRow],
        edited: Callable[[str, Any], Msg | None],
        text: Msg | str = "",
    ) -> None:
        super().__init__(title)
        self._rows = rows
        self._edited = edited
        self._text = text

    def content(self) -> ComposeResult:
        """Make the rows."""
        if self._text:
            yield Say(self._text, classes="dialog-text -quiet")
        yield from self._rows

    def on_mount(self) -> None:
        """Begin in the first field."""
        self._rows[0].input.focus()

    def on_field_row_edited(self, event: FieldRow.Edited) -> None:
        """Show what is wrong under the field."""
        event.row.wrong(self._edited(event.row.key, event.value))

    def answer(self, choice: str) -> None:
        """Hand over every value; stay while one is wrong, unless the user gives up."""
        if choice != "ok":
            self.dismiss(False)
            return
        whole = True
        for row in self._rows:
            wrong = self._edited(row.key, row.value)
            row.wrong(wrong)
            whole = whole and wrong is None
        if whole:
            self.dismiss(True)
