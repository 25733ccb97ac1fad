"""Questions of a deployment, and who answers them.

The engine never prompts. Answers come from a dialog, a terminal, ``--yes``, or nobody.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from glm47_tui.i18n import Msg


@dataclass(frozen=True)
class Question:
    """Something only the user may decide. ``node`` None: it concerns all nodes.

    ``options`` are ids, shown by the words of ``deploy.option.<id>`` (see :meth:`label`);
    ``default`` is the one that goes on with the deployment, which ``--yes`` picks. ``stop`` is
    always the last one: nothing is changed and the run ends. ``details`` are raw lines of the
    node, such as how a container differs. Once ``over`` is set the run ends by itself, and whoever
    asks a person may take the question back.
    """

    id: str
    node: int | None
    text: Msg
    options: tuple[str, ...]
    default: str
    details: tuple[str, ...] = ()
    over: threading.Event | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def label(option: str) -> Msg:
        """Words of an option."""
        return Msg.of(f"deploy.option.{option}")


class Consent(Protocol):
    """Whoever may agree. Called from engine threads, one question at a time; may block."""

    def agree(self, question: Question) -> str | None:
        """Return one of ``question.options``; None when there is nobody to ask."""


class AssumeYes:
    """``--yes``: goes on with every question."""

    def agree(self, question: Question) -> str | None:
        """Return the default."""
        return question.default


class NoConsent:
    """An unattended run without ``--yes``: the job ends and says which option would have agreed."""

    def agree(self, question: Question) -> str | None:
        """Return None."""
        del question
        return None
