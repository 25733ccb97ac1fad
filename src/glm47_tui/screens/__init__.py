"""One screen a file. A screen is a view of the session; it is loaded when first gone to."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm47_tui.screens.base import StepScreen

_CLASSES = {
    "profile": "ProfileScreen",
    "nodes": "NodesScreen",
    "checks": "ChecksScreen",
    "review": "ReviewScreen",
    "deploy": "DeployScreen",
    "monitor": "MonitorScreen",
    "chat": "ChatScreen",
}


def make(step: str) -> StepScreen:
    """Import and make the screen of a step."""
    module = import_module(f"glm47_tui.screens.{step}")
    screen: StepScreen = getattr(module, _CLASSES[step])()
    return screen
