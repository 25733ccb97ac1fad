"""The step Review."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class ReviewScreen(StepScreen):
    """The step Review."""

    STEP = "review"
    CSS_PATH = "review.tcss"
