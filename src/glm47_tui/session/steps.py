"""The marks that the steps of the wizard can carry."""

from __future__ import annotations

from enum import Enum

STEPS = ("profile", "nodes", "checks", "review", "deploy", "monitor", "chat")


class Mark(str, Enum):
    """How a step stands: what the rail shows beside its number."""

    NONE = "none"
    DONE = "done"
    RUNNING = "running"
    WARNING = "warning"
    PROBLEM = "problem"
