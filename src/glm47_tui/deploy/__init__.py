"""The deployment: stages across nodes, from what is true to what is wanted.

Names are loaded when first asked for: rooms below this one read :mod:`glm47_tui.deploy.events`
alone, and must not pull the runner in with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm47_tui.deploy.consent import AssumeYes, Consent, NoConsent, Question
    from glm47_tui.deploy.job import Job
    from glm47_tui.deploy.journal import Journal
    from glm47_tui.deploy.stages import ROLLBACK_STAGES, STAGES, STOP_STAGES, stage_title
    from glm47_tui.deploy.status import NodeStatus, ServiceStatus

__all__ = [
    "ROLLBACK_STAGES",
    "STAGES",
    "STOP_STAGES",
    "AssumeYes",
    "Consent",
    "Job",
    "Journal",
    "NoConsent",
    "NodeStatus",
    "Question",
    "ServiceStatus",
    "stage_title",
]

_HOME = {
    "AssumeYes": "consent",
    "Consent": "consent",
    "NoConsent": "consent",
    "Question": "consent",
    "Job": "job",
    "Journal": "journal",
    "STAGES": "stages",
    "STOP_STAGES": "stages",
    "ROLLBACK_STAGES": "stages",
    "stage_title": "stages",
    "NodeStatus": "status",
    "ServiceStatus": "status",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
