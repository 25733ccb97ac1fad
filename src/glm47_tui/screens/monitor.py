"""The step Monitor."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class MonitorScreen(StepScreen):
    """The step Monitor."""

    STEP = "monitor"
    CSS_PATH = "monitor.tcss"
