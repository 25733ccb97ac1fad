"""Which dialog answers a question of the engine."""

from __future__ import annotations

from typing import Any

from textual.screen import ModalScreen

from glm47_tui.remote.api import HostKey, SecretRequest
from glm47_tui.screens.dialogs.ask import AskSecret, ask_host_key
from glm47_tui.session.asks import Pending


def dialog_for(pending: Pending) -> ModalScreen[Any] | None:
    """Make the dialog; None for a question that nobody here understands."""
    question = pending.question
    if isinstance(question, SecretRequest):
        return AskSecret(question)
    if isinstance(question, HostKey):
        return ask_host_key(question)
    return None
