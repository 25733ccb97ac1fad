"""What both apps have in common: an end without a traceback, and no growth over weeks."""

from __future__ import annotations

from textual._styles_cache import StylesCache
from textual.app import App

from glm47_tui.i18n import Msg, t

FORGET_S = 300.0
"""Seconds between two times of letting go of what removed widgets have painted."""


def forget_removed() -> None:
    """Let go of the lines that removed widgets have painted.

    Textual 8 remembers two colours for each of the last 1024 widgets, and with them, by way of the
    method's ``self``, all their lines: every dialog that is opened and closed would cost memory.
    """
    clear = getattr(getattr(StylesCache, "get_inner_outer", None), "cache_clear", None)
    if clear is not None:
        clear()


class QuietApp(App[int]):
    """What both apps, the wizard and the monitor alone, are."""

    def on_mount(self) -> None:
        """Let go of what is no longer seen, now and then (subclasses' ``on_mount`` run, too)."""
        self.set_interval(FORGET_S, forget_removed)

    def _fatal_error(self) -> None:
        """End after a bug: say where it is, never what values it held (they may be secrets)."""
        from glm47_tui.session.tasks import where

        error = self._exception
        place = where(error) if error is not None else "?"
        self._exit_renderables.append(t(Msg.of("app.fatal", place=place)))
        self._close_messages_no_wait()
