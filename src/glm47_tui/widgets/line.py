"""A line of text that does what its keys say in the order they came.

Textual inserts a letter at once, but lets every other key climb to the app before it is looked up:
over a slow link, where keys come in bunches, a letter overtakes the backspace typed before it, and
a password is another one than was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual import events
from textual.widget import Widget
from textual.widgets import Input


async def at_once(widget: Widget, event: events.Key) -> bool:
    """Do now what a key is bound to in a widget itself; tell whether that was anything."""
    for binding in widget._bindings.key_to_bindings.get(event.key, ()):
        if not binding.priority and await widget.app.run_action(binding.action, widget):
            event.stop()
            event.prevent_default()
            return True
    return False


class Line(Input):
    """One line of text. ``ways`` are keys that lead away from it, and how."""

    def __init__(
        self, value: str = "", *, ways: Mapping[str, Callable[[], None]] | None = None, **more: Any
    ) -> None:
        super().__init__(value, compact=True, **more)
        self._ways = ways or {}
        self._was_left = False

    def on_focus(self) -> None:
        """What comes from now on is for this line again."""
        self._was_left = False

    async def _on_key(self, event: events.Key) -> None:
        target = self.screen.focused
        if self._was_left and target is not None and target is not self:
            # It came in the same bunch as the key that led away, and is meant for what is there.
            event.stop()
            event.prevent_default()
            target._forward_event(events.Key(event.key, event.character))
        elif event.key in self._ways:
            event.stop()
            event.prevent_default()
            self._was_left = True
            self._ways[event.key]()
        elif event.is_printable or not await at_once(self, event):
            await super()._on_key(event)
