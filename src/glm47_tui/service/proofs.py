"""Proof that the service does what the guide promises: not a port that answers."""

from __future__ import annotations

import threading
from typing import Final

from glm47_tui.deploy.events import Emit, Verified
from glm47_tui.profile import Profile
from glm47_tui.service.client import Service

PROOFS: Final = (
    "model", "generation", "reasoning", "reasoning_stream", "no_thinking", "tool_call",
    "tool_call_stream", "ranks",
)  # fmt: skip
"""Ids of the proofs, in their order."""


def verify(
    service: Service, profile: Profile, emit: Emit, *, cancel: threading.Event | None = None
) -> tuple[Verified, ...]:
    """Run all proofs; each is emitted when it is done. Never raises for what the service does."""
    raise NotImplementedError
