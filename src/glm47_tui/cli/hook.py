"""``monitor --on-event COMMAND``: the user's own command, run at every event."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from glm47_tui.cli.reading import event_data
from glm47_tui.i18n import Msg

if TYPE_CHECKING:
    from glm47_tui.monitor import WatchEvent

LIMIT_S = 10.0
"""Seconds a command may take."""
WAITING = 20
"""Events that wait for the command at most."""


class Hook:
    """Runs a command of the user at every event, the event as JSON on its standard input.

    One at a time, each at most ``LIMIT_S``; events that come meanwhile wait, ``WAITING`` at most.
    What goes wrong is given to ``tell`` (``why=`` a message): the first time, and anew after a
    command that did its work.
    """

    KIND = "hook"
    """The kind of event that ``tell`` makes; it runs no command itself."""

    def __init__(self, command: str, *, limit_s: float = LIMIT_S) -> None:
        self._command = command
        self._limit_s = limit_s
        self.tell: Callable[..., None] = lambda **_: None
        self._well = True
        self._waiting: queue.Queue[WatchEvent] = queue.Queue(maxsize=WAITING)
        threading.Thread(target=self._run, name="event-hook", daemon=True).start()

    def __call__(self, event: WatchEvent) -> None:
        """Take an event; returns at once."""
        if event.kind == self.KIND:
            return
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._failed(Msg.of("monitor.hook.late", limit=WAITING))

    def _failed(self, why: Msg) -> None:
        if self._well:
            self._well = False
            self.tell(why=why)

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            why = self._one(json.dumps(event_data(event), ensure_ascii=False))
            if why is None:
                self._well = True
            else:
                self._failed(why)

    def _one(self, data: str) -> Msg | None:
        """Run the command once; returns what went wrong."""
        try:
            # The user's own command line, meant for a shell. A session of its own: what it
            # started ends with it, and Ctrl-C of the monitor is not the command's.
            it = subprocess.Popen(  # noqa: S602
                self._command, shell=True, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, encoding="utf-8", errors="replace",
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Msg.of("monitor.hook.start", why=error.strerror or str(error))
        with it:
            try:
                it.communicate(data, timeout=self._limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(it.pid, signal.SIGKILL)
                return Msg.of("monitor.hook.slow", seconds=f"{self._limit_s:g}")
        if it.returncode:
            return Msg.of("monitor.hook.code", code=it.returncode)
        return None
