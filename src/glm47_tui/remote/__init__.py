"""SSH: connect, run, stream, push, forward. The only room that knows paramiko.

Importing this package is cheap: paramiko is imported when the first connection is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from glm47_tui.remote.api import (
    Ask,
    Connection,
    Fleet,
    Forward,
    HostKey,
    LineSink,
    Nobody,
    NoteSink,
    PushFile,
    Result,
    SecretRequest,
    Stream,
)
from glm47_tui.remote.errors import Kind, RemoteError

if TYPE_CHECKING:
    from glm47_tui.profile.model import Profile

__all__ = [
    "Ask",
    "Connection",
    "Fleet",
    "Forward",
    "HostKey",
    "Kind",
    "LineSink",
    "Nobody",
    "NoteSink",
    "PushFile",
    "RemoteError",
    "Result",
    "SecretRequest",
    "Stream",
    "connect",
    "connect_one",
    "forget_secrets",
]


def connect(
    profile: Profile,
    ask: Ask,
    *,
    only: Iterable[int] | None = None,
    on_note: NoteSink | None = None,
) -> Fleet:
    """Log in to all nodes side by side (or to those numbered in ``only``).

    Never raises for a node: ``Fleet.failures`` holds a RemoteError for each that failed.
    ``profile.limits.connect_s`` seconds are the limit a node; time a user takes to answer does not
    count. ``on_note(node, message)`` hears what is being waited for.
    """
    from glm47_tui.remote.fleet import connect_all

    return connect_all(profile, ask, only=only, on_note=on_note)


def connect_one(
    profile: Profile, index: int, ask: Ask, *, on_note: NoteSink | None = None
) -> Connection:
    """Log in to one node; RemoteError when that fails. For reconnecting, too."""
    from glm47_tui.remote.fleet import connect_node

    return connect_node(profile, index, ask, on_note=on_note)


def forget_secrets() -> None:
    """Drop the passwords and passphrases this process remembers for reconnecting."""
    from glm47_tui.remote.vault import VAULT

    VAULT.clear()
