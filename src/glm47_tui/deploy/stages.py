"""Names of the stages, in their order. A stage is a barrier across the nodes."""

from __future__ import annotations

from typing import Final

from glm47_tui.i18n import Msg

STAGES: Final = (
    "connect", "lock", "image", "files", "container", "model", "patches", "launch", "ready",
    "verify",
)  # fmt: skip
"""Stages of a deployment."""

STOP_STAGES: Final = ("connect", "lock", "launch")
"""Stages of ``stop``: the engines end, all else stays."""

ROLLBACK_STAGES: Final = ("connect", "lock", "launch", "patches", "container", "files")
"""Stages of ``rollback``, in the order things are taken back."""


def stage_title(stage: str) -> Msg:
    """Name of a stage for people."""
    return Msg.of(f"deploy.stage.{stage}")
