"""Questions of worker threads to the user: put in a queue, answered by a dialog.

The asking thread waits on an event until the user has answered or the app ends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from glm47_tui.remote.api import HostKey, SecretRequest

OVER_POLL_S = 0.1
"""Seconds between two looks whether a question is still worth an answer."""


@dataclass
class Pending:
    """A question that waits: a SecretRequest, a HostKey or a deployment's Question."""

    question: object
    default: Any = None
    answer: Any = None
    done: threading.Event = field(default_factory=threading.Event)

    def give(self, answer: Any) -> None:
        """Answer it, and let the asking thread go on."""
        self.answer = answer
        self.done.set()

    def give_up(self) -> None:
        """Answer with what "nobody there" means."""
        self.give(self.default)


class Asks:
    """The queue of questions; implements :class:`remote.api.Ask`."""

    def __init__(self, touch: Callable[[str], None]) -> None:
        self._touch = touch
        self._waiting: deque[Pending] = deque()
        self._one_at_a_time = threading.Lock()
        self._closed = False

    def ask(self, question: object, default: Any = None) -> Any:
        """Put a question and wait for its answer; on a worker thread."""
        with self._one_at_a_time:
            if self._closed:
                return default
            pending = Pending(question, default)
            self._waiting.append(pending)
            self._touch("asks")
            over: threading.Event | None = getattr(question, "over", None)
            while not pending.done.wait(OVER_POLL_S if over is not None else None):
                if over is not None and over.is_set():
                    pending.give_up()
                    self._touch("asks")
            return pending.answer

    def next(self) -> Pending | None:
        """Take the oldest question, None when there is none; on the screen's thread."""
        while self._waiting:
            pending = self._waiting.popleft()
            if not pending.done.is_set():
                return pending
        return None

    def close(self) -> None:
        """Let everybody who waits go, and answer nobody any more."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft().give_up()

    def secret(self, request: SecretRequest) -> str | None:
        """Ask for a secret."""
        answer = self.ask(request)
        return answer if isinstance(answer, str) else None

    def host_key(self, key: HostKey) -> Literal["once", "save", "refuse"]:
        """Ask whether to trust a host key."""
        answer = self.ask(key, "refuse")
        return answer if answer in ("once", "save") else "refuse"
