"""All nodes of a profile side by side."""

from __future__ import annotations

from collections.abc import Iterable

from glm47_tui.profile.model import Profile
from glm47_tui.remote.api import Ask, Connection, Fleet, NoteSink


def connect_all(
    profile: Profile, ask: Ask, *, only: Iterable[int] | None, on_note: NoteSink | None
) -> Fleet:
    """See ``remote.connect``."""
    raise NotImplementedError


def connect_node(
    profile: Profile, index: int, ask: Ask, *, on_note: NoteSink | None = None
) -> Connection:
    """See ``remote.connect_one``."""
    raise NotImplementedError
