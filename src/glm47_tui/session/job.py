"""The deployment of the draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


class JobRoom:
    """The deployment of the draft."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def close(self) -> None:
        """End what runs."""
