"""Secrets of this process: asked for once, kept in memory only, so that a reconnect need not ask.

A secret is kept under what it opens. One question is put to the user at a time, whatever number of
nodes is being connected; a second asker of the same secret gets the first one's answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import SecretStr

from glm47_tui.remote.api import Ask, HostKey, SecretRequest
from glm47_tui.remote.deadline import Deadline

Slot = tuple[str, str]
"""Kind of secret and what it opens, for example ``("password", "root@10.77.0.10:22")``."""


@dataclass
class Vault:
    """Remembers secrets that worked, or that were just given and not tried yet."""

    _kept: dict[Slot, SecretStr] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, slot: Slot) -> str | None:
        """Return the secret, None when none is kept."""
        with self._lock:
            kept = self._kept.get(slot)
        return kept.get_secret_value() if kept is not None else None

    def keep(self, slot: Slot, secret: str) -> None:
        """Remember a secret."""
        with self._lock:
            self._kept[slot] = SecretStr(secret)

    def drop(self, slot: Slot, secret: str) -> None:
        """Forget a secret that proved wrong (unless another one stands there by now)."""
        with self._lock:
            kept = self._kept.get(slot)
            if kept is not None and kept.get_secret_value() == secret:
                del self._kept[slot]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


VAULT = Vault()
_ONE_QUESTION = threading.RLock()


class Asker:
    """An ``Ask`` with a memory, one question at a time, the clock stopped meanwhile."""

    def __init__(self, ask: Ask, node: str, deadline: Deadline, vault: Vault = VAULT) -> None:
        self._ask = ask
        self._vault = vault
        self.node = node
        self.deadline = deadline

    def secret(self, request: SecretRequest) -> str | None:
        """Return the kept secret on the first attempt, else ask. None when there is none."""
        slot = (request.kind, request.where)
        with self.deadline.paused(), _ONE_QUESTION:
            # Only now: whoever was asked the same before us may have left the answer.
            kept = self._vault.get(slot) if request.attempt == 1 else None
            if kept is not None:
                return kept
            answer = self._ask.secret(request)
            if answer is not None and request.kind != "prompt":
                self._vault.keep(slot, answer)
            return answer

    def wrong(self, request: SecretRequest, secret: str) -> None:
        """Say that a secret did not open what it should."""
        self._vault.drop((request.kind, request.where), secret)

    def host_key(self, key: HostKey, settled: Callable[[], bool]) -> str:
        """Ask about an unknown key; ``settled`` tells that another thread had it answered."""
        with self.deadline.paused(), _ONE_QUESTION:
            return "once" if settled() else self._ask.host_key(key)
