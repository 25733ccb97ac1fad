"""The step Nodes."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class NodesScreen(StepScreen):
    """The step Nodes."""

    STEP = "nodes"
    CSS_PATH = "nodes.tcss"
