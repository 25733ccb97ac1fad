"""The step Checks."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class ChecksScreen(StepScreen):
    """The step Checks."""

    STEP = "checks"
    CSS_PATH = "checks.tcss"
