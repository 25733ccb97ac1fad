"""An app that ends after a bug without a traceback: Textual's own shows local variables."""

from __future__ import annotations

from textual.app import App

from glm47_tui.i18n import Msg, t


class QuietApp(App[int]):
    """What both apps, the wizard and the monitor alone, are."""

    def _fatal_error(self) -> None:
        """End after a bug: say where it is, never what values it held (they may be secrets)."""
        from glm47_tui.session.tasks import where

        error = self._exception
        place = where(error) if error is not None else "?"
        self._exit_renderables.append(t(Msg.of("app.fatal", place=place)))
        self._close_messages_no_wait()
