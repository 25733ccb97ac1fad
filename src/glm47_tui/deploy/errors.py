"""How a run ends before its end."""

from __future__ import annotations

import traceback
from pathlib import Path

from glm47_tui.errors import DeployFailed, UserError
from glm47_tui.i18n import Msg


class Halted(Exception):
    """The run is to end now: the user cancelled it, or it was aborted (the lock was lost)."""


class Trouble(Exception):
    """A stage failed. ``node`` is a node number, None for all; ``error`` has the words."""

    def __init__(self, error: UserError, node: int | None = None) -> None:
        super().__init__(error.what.id)
        self.error = error
        self.node = node


def failed(name: str, /, **args: object) -> DeployFailed:
    """Build an error from ``deploy.error.<name>`` and ``deploy.fix.<name>``."""
    return DeployFailed(Msg(f"deploy.error.{name}", args), fix=Msg(f"deploy.fix.{name}", args))


def internal(error: BaseException) -> DeployFailed:
    """Put a fault of this program into words: its kind and place, never its values."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "-"
    return failed("internal", kind=type(error).__name__, place=place)
