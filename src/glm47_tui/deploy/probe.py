"""Asks the service for a first answer, again and again, on a thread of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from glm47_tui.deploy.errors import Halted
from glm47_tui.deploy.run import Run
from glm47_tui.errors import UserError

if TYPE_CHECKING:
    from glm47_tui.remote.api import Connection
    from glm47_tui.service import Answer, Service

PAUSE_S: Final = 0.5
SOON_S: Final = 0.1
"""Pause once the engine has said that it serves, for a few tries."""
SOON_TRIES: Final = 30
REFUSALS: Final = 5
"""So many 4xx answers in a row are not the start's passing trouble: the request does not fit."""
ANSWER_S: Final = 300.0
"""The first answer of a fresh engine may compile kernels."""


class Prober:
    """A real generation through the tunnel, as soon as the API listens.

    ``answer`` is set once it came; ``refusal`` is the API's last word before. ``service`` stays
    open for the verification; ``close`` gives its port back.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._over = threading.Event()
        self._service: Service | None = None
        self._through: Connection | None = None
        self.answer: Answer | None = None
        self.refusal: UserError | None = None
        self._refusals = 0
        self._soon = 0
        self._poked = threading.Event()

    @property
    def refused(self) -> bool:
        """Whether the API keeps saying that the request is wrong: waiting does not help."""
        return self._refusals >= REFUSALS

    def service(self) -> Service:
        """Return the service through a live connection. Raises UserError or Halted."""
        from glm47_tui.service import open_service

        connection = self._run.links.again(0, "ready")
        if self._service is None or connection is not self._through:
            if self._service is not None:
                self._service.close()  # its tunnel went with the connection it was made through
            self._service = open_service(connection, self._run.profile)
            self._through = connection
        return self._service

    def once(self, limit_s: float) -> bool:
        """Ask once, within a limit; whether an answer came."""
        try:
            self._ask(limit_s, self._run.halt)
        except UserError as error:
            self.refusal = error
        return self.answer is not None

    def start(self, wake: threading.Event) -> None:
        """Go on asking on a daemon thread; ``wake`` is set when the answer came."""
        threading.Thread(target=self._live, args=(wake,), name="deploy-probe", daemon=True).start()

    def poke(self) -> None:
        """The engine says that it serves: ask at once, and more often for a while."""
        self._soon = SOON_TRIES
        self._poked.set()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self._poked.set()

    def close(self) -> None:
        """Give the forwarded port back."""
        self.stop()
        if self._service is not None:
            self._service.close()

    def _live(self, wake: threading.Event) -> None:
        while not self._over.is_set() and self.answer is None:
            try:
                self._ask(ANSWER_S, self._over)
            except Halted:
                return
            except UserError as error:
                self.refusal = error
                wrong = 400 <= getattr(error, "status", 0) < 500
                self._refusals = self._refusals + 1 if wrong else 0
            self._soon -= 1
            if self._poked.wait(SOON_S if self._soon > 0 else PAUSE_S) and not self._over.is_set():
                self._poked.clear()
        wake.set()

    def _ask(self, limit_s: float, cancel: threading.Event) -> None:
        from glm47_tui.service import ChatOptions

        begin = time.monotonic()
        service = self.service()
        service.models(timeout=min(10.0, limit_s))  # cheap while nothing listens
        options = ChatOptions(thinking=False, max_tokens=2, temperature=None, top_p=None)
        left = max(1.0, limit_s - (time.monotonic() - begin))
        self.answer = service.complete(
            [{"role": "user", "content": "1+1=?"}], options, timeout=left, cancel=cancel
        )
