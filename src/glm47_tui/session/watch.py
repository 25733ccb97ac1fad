"""NPU readings and logs, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


class WatchRoom:
    """NPU readings and logs, live."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def close(self) -> None:
        """End what runs."""
