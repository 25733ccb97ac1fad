"""The step Deploy."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class DeployScreen(StepScreen):
    """The step Deploy."""

    STEP = "deploy"
    CSS_PATH = "deploy.tcss"
