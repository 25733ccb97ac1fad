"""The step Profile."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class ProfileScreen(StepScreen):
    """The step Profile."""

    STEP = "profile"
    CSS_PATH = "profile.tcss"
