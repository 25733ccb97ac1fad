"""Which dialog answers a question of the engine."""

from __future__ import annotations

from typing import Any

from glm47_tui.deploy.consent import Question
from glm47_tui.i18n import Msg
from glm47_tui.remote.api import HostKey, SecretRequest
from glm47_tui.screens.dialogs.ask import AskSecret, ask_host_key
from glm47_tui.screens.dialogs.base import Dialog
from glm47_tui.screens.dialogs.choose import Choose
from glm47_tui.session.asks import Pending


def dialog_for(pending: Pending) -> Dialog[Any] | None:
    """Make the dialog; None for a question that nobody here understands."""
    dialog = _dialog_for(pending)
    if dialog is not None:
        dialog.while_(lambda: not pending.done.is_set(), "screens.ask.passed")
    return dialog


def _dialog_for(pending: Pending) -> Dialog[Any] | None:
    question = pending.question
    if isinstance(question, SecretRequest):
        return AskSecret(question)
    if isinstance(question, HostKey):
        return ask_host_key(question)
    if isinstance(question, Question):
        return ask_question(question)
    return None


def ask_question(question: Question) -> Choose:
    """Make the dialog for a question of the deployment; esc answers with its last option."""
    answers = [(option, Question.label(option)) for option in question.options]
    title = Msg.of(
        "screens.ask.question", node="" if question.node is None else f"node{question.node}"
    )
    details = "\n".join(question.details[:12])
    return Choose(title, [question.text], answers, default=question.options[-1], code=details)
