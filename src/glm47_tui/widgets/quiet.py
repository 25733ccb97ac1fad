"""What both apps have in common: an end without a traceback, and no growth over weeks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import threading
import time
from types import FrameType
from typing import Any

from textual._styles_cache import StylesCache
from textual.app import App
from textual.screen import Screen

from glm47_tui.i18n import Msg, t

FORGET_S = 300.0
"""Seconds between two times of letting go of what removed widgets have painted."""

END_S = 40.0
"""Seconds that an end asked for by a signal may take: a run of the wizard gets 30 of them; the
terminal may be one that hangs. (A second signal ends it at once.)"""

_ENDS = (signal.SIGTERM, signal.SIGHUP)


def forget_removed() -> None:
    """Let go of the lines that removed widgets have painted.

    Textual 8 remembers two colours for each of the last 1024 widgets, and with them, by way of the
    method's ``self``, all their lines: every dialog that is opened and closed would cost memory.
    """
    clear = getattr(getattr(StylesCache, "get_inner_outer", None), "cache_clear", None)
    if clear is not None:
        clear()


def seen(screen: Screen[Any]) -> bool:
    """Whether a screen is on the terminal, dialogs over it or not. None is while the app ends."""
    for each in reversed(screen.app.screen_stack):
        if each is screen:
            return True
        if not each.is_modal:
            break
    return False


class QuietApp(App[int]):
    """What both apps, the wizard and the monitor alone, are."""

    def on_mount(self) -> None:
        """Let go of what is no longer seen, now and then (subclasses' ``on_mount`` run, too)."""
        self.set_interval(FORGET_S, forget_removed)
        if not self.is_headless:
            self._heed_signals()

    def _heed_signals(self) -> None:
        """End in good order on TERM and HUP, with the terminal as it was before the app.

        Textual leaves them to the system, which ends the process at once: the shell would go on in
        the other screen, without echo, with the mouse reported as text. A second signal does that.
        Not asyncio's handlers: they wait for the loop, which waits for a terminal that hangs.
        """
        loop = asyncio.get_running_loop()

        def ended(number: int, _frame: FrameType | None) -> None:
            for each in _ENDS:
                signal.signal(each, signal.SIG_DFL)
            threading.Thread(
                target=self._see_to_the_end, args=(number,), name="end", daemon=True
            ).start()
            loop.call_soon_threadsafe(self.call_later, self.end_by, number)

        for number in _ENDS:
            signal.signal(number, ended)

    def _see_to_the_end(self, number: int) -> None:
        """Let nobody wait for a terminal that is gone; at last, end whatever still waits.

        Textual's writing thread dies of a closed terminal, and the app would wait for room in that
        thread's queue.
        """
        deadline = time.monotonic() + END_S
        while time.monotonic() < deadline:
            writer = getattr(self._driver, "_writer_thread", None)
            if writer is not None and not writer.is_alive():
                with contextlib.suppress(queue.Empty):
                    while True:
                        writer._queue.get_nowait()
            time.sleep(0.05)
        os._exit(128 + number)

    def end_by(self, number: int) -> None:
        """End because of a signal; the exit code is as the shell has it."""
        self.exit(128 + number)

    def _fatal_error(self) -> None:
        """End after a bug: say where it is, never what values it held (they may be secrets)."""
        from glm47_tui.session.tasks import where

        error = self._exception
        place = where(error) if error is not None else "?"
        self._exit_renderables.append(t(Msg.of("app.fatal", place=place)))
        self._close_messages_no_wait()
