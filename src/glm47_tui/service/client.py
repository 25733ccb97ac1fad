"""The OpenAI protocol of node 0's API through a forwarded port. Every wait has a limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glm47_tui.errors import UserError
from glm47_tui.profile import Profile
from glm47_tui.remote.api import Connection
from glm47_tui.service.chat import Answer, ChatOptions, Delta
from glm47_tui.service.metrics import EngineMetrics

Message = Mapping[str, Any]
"""A message in OpenAI's form: ``role``, ``content``, and what a tool call adds."""


class ServiceError(UserError):
    """The API did not answer, or not as it should. ``status`` is the HTTP status, 0 for none."""

    status: int = 0


class Service:
    """The running model. Thread-safe; ``close`` gives the forwarded port back."""

    def __init__(self, base_url: str, model: str) -> None:
        self.base_url = base_url
        self.model = model

    def chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        *,
        cancel: threading.Event | None = None,
    ) -> Iterator[Delta]:
        """Stream an answer. Closing the iterator or setting ``cancel`` ends it on the server too.

        Raises ServiceError: refused, an HTTP error with the server's own words, a cut stream.
        """
        raise NotImplementedError

    def complete(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        *,
        timeout: float = 300.0,
    ) -> Answer:
        """Return a whole answer at once; ``timeout`` in seconds."""
        raise NotImplementedError

    def models(self, *, timeout: float = 10.0) -> tuple[str, ...]:
        """Names of the models that are served."""
        raise NotImplementedError

    def health(self, *, timeout: float = 5.0) -> bool:
        """Whether /health says 200. It does so too while an engine is dead: no proof."""
        raise NotImplementedError

    def metrics(self, *, timeout: float = 10.0) -> EngineMetrics:
        """Read /metrics."""
        raise NotImplementedError

    def close(self) -> None:
        """Close; safe to call twice."""


def open_service(connection: Connection, profile: Profile) -> Service:
    """Open a local port to node 0's API. ``connection`` is node 0's; it stays the caller's."""
    raise NotImplementedError
