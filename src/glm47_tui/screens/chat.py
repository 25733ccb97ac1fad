"""The step Chat."""

from __future__ import annotations

from glm47_tui.screens.base import StepScreen


class ChatScreen(StepScreen):
    """The step Chat."""

    STEP = "chat"
    CSS_PATH = "chat.tcss"
