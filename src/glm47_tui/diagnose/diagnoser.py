"""Lines of all nodes in, a report out (skeleton)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glm47_tui.diagnose.catalog import Catalog
from glm47_tui.diagnose.report import Report


class Diagnoser:
    """Reads logs as they come and says at any time what the first cause is."""

    def __init__(
        self, catalog: Catalog | None = None, *, skew: Mapping[str, float] | None = None
    ) -> None:
        self.catalog = catalog or Catalog.load()
        self.skew = dict(skew or {})

    def feed(
        self,
        node: str,
        lines: Sequence[str],
        file: str = "",
        first_line: int | None = None,
        at: float | None = None,
    ) -> None:
        """Take lines of one file of one node."""

    def report(self, now: float | None = None) -> Report:
        """Say what is known by now."""
        return Report()
