"""The steps of the wizard, in order, and the marks they can carry."""

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


def after(step: str, by: int) -> str | None:
    """Return the step before (-1) or after (+1) one, None at the ends."""
    index = STEPS.index(step) + by
    return STEPS[index] if 0 <= index < len(STEPS) else None
