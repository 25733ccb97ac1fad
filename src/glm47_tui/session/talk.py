"""The chat with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


class TalkRoom:
    """The chat with the model."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def close(self) -> None:
        """End what runs."""
