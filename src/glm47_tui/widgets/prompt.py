"""Where a question is written: Enter sends, Ctrl+J makes a new line."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from glm47_tui.widgets.line import at_once


class Prompt(TextArea):
    """A few lines of text."""

    class Sent(Message):
        """The user pressed Enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, compact=True, soft_wrap=True, show_line_numbers=False)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            text = self.text
            if text.strip():
                self.post_message(self.Sent(text))
            return
        if event.key == "ctrl+j":
            event.stop()
            event.prevent_default()
            self.insert("\n")
            return
        if event.key == "tab":
            return  # goes on to the next widget
        if event.is_printable or not await at_once(self, event):
            await super()._on_key(event)
