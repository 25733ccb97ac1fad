"""Who waits for whom, since when (skeleton)."""

from __future__ import annotations

from collections.abc import Sequence

from glm47_tui.diagnose.phases import PhaseSeen
from glm47_tui.diagnose.report import Stall


class StallWatch:
    """Fed with phases and signs of life of all nodes; says who is stuck. Times in seconds."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self.nodes = tuple(nodes)

    def phase(self, node: str, seen: PhaseSeen, at: float) -> None:
        """A node entered a phase or got on within it."""

    def heard(self, node: str, at: float) -> None:
        """A node's log got a line at ``at``."""

    def stalls(self, now: float) -> tuple[Stall, ...]:
        """Return who is stuck at ``now``."""
        return ()
