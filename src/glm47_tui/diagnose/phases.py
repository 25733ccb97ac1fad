"""Log line -> phase of an engine's start (skeleton)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhaseSeen:
    """An engine is in ``phase`` (a value of ``deploy.events.Phase``), ``fraction`` 0..1 of it."""

    phase: str
    fraction: float | None = None
    detail: str = ""


class PhaseReader:
    """Follows one node's log; call with each line in turn."""

    def __init__(self, node: str = "") -> None:
        self.node = node
        self.current = PhaseSeen("starting")

    def read(self, line: str) -> PhaseSeen | None:
        """Return the phase when the line changes it (or its fraction), else None."""
        return None
