"""Texts by message id that can change their language while they stand on the screen."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.widgets import Static

from glm47_tui.i18n import Msg, t


class Say(Static):
    """A text by message id (or a plain string). Never reads markup."""

    def __init__(
        self, msg: Msg | str = "", *, id: str | None = None, classes: str | None = None, **args: Any
    ) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._msg: Msg | str = Msg(msg, args) if isinstance(msg, str) and args else msg

    def on_mount(self) -> None:
        """Put the words on the screen."""
        self.relabel()

    def say(self, msg: Msg | str, **args: Any) -> None:
        """Say something else."""
        new = Msg(msg, args) if isinstance(msg, str) and args else msg
        if new != self._msg:
            self._msg = new
            self.relabel()

    def relabel(self) -> None:
        """Put the message into words of the current language."""
        self.update(Content(words(self._msg)))


def words(msg: Msg | str | None) -> str:
    """Return the words of a message; a string that looks like a message id is looked up."""
    if msg is None:
        return ""
    if isinstance(msg, Msg):
        return t(msg)
    return t(msg) if "." in msg and " " not in msg else msg
