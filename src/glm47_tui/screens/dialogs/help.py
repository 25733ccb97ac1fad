"""Help: what the screen is for, and every key that works on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from glm47_tui.i18n import Msg
from glm47_tui.screens.dialogs.base import Dialog
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.keybar import key_name
from glm47_tui.widgets.say import Say, words


class Help(Dialog[str]):
    """Words about a step, then its keys: (display, description) pairs."""

    CHOICES = (("close", "widgets.key.close"),)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,q", "refuse", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
    ]

    def __init__(self, step: str, keys: Sequence[tuple[str, Msg | str]]) -> None:
        super().__init__(Msg.of("screens.help.title", step=Msg(f"app.step.{step}")))
        self._step = step
        self._keys = keys

    def content(self) -> ComposeResult:
        """Make the words and the list of keys."""
        yield Say(f"screens.help.{self._step}", classes="dialog-text")
        lines = [
            Content.assemble((pad(key, 12), "bold $text-primary"), words(what))
            for key, what in self._keys
        ]
        yield Static(Content("\n").join(lines), id="help-keys")
        yield Say("screens.help.marks", classes="dialog-text -quiet")

    def action_scroll(self, by: int) -> None:
        """Scroll the words."""
        self.query_one("#dialog-content").scroll_relative(y=by * 3, animate=False)


def help_for(screen: Screen[Any], step: str) -> Help:
    """Make the help of a step: every described key that works on it now."""
    keys: dict[str, tuple[str, str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        described = binding.description and "." in binding.description
        if described and binding.action not in keys:
            keys[binding.action] = (key_name(screen.app, binding), binding.description)
    return Help(step, tuple(keys.values()))
