"""Whether every data-parallel rank works: by its own counters, after some requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from glm47_tui.service.chat import ChatOptions
from glm47_tui.service.client import Service, ServiceError

ROUNDS: Final = 4
AT_ONCE: Final = 32
LIMIT_S: Final = 120.0


def tokens_by_rank(service: Service) -> dict[str, float]:
    """Return the tokens each rank has made since its start. Raises ServiceError."""
    return {rank.engine: rank.generation_tokens for rank in service.metrics().ranks}


def busy(now: Mapping[str, float], before: Mapping[str, float]) -> frozenset[str]:
    """Return the ranks that have made tokens between two readings (a counter may begin anew)."""
    return frozenset(rank for rank, count in now.items() if count != before.get(rank, 0.0))


def work_all_ranks(
    service: Service, before: Mapping[str, float], want: int, cancel: threading.Event
) -> frozenset[str]:
    """Send short requests side by side until every rank has made tokens; returns those that have.

    vLLM gives a request to the rank with the shortest queue, so as many at once as there are
    ranks reach them all; a rank that hangs keeps its requests, and the rounds are bounded.
    """
    found: frozenset[str] = frozenset()
    for _ in range(ROUNDS):
        threads = [
            threading.Thread(
                target=_ask, args=(service, cancel), name=f"verify-rank-{i}", daemon=True
            )
            for i in range(min(2 * want, AT_ONCE))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        now = tokens_by_rank(service)
        found = busy(now, before)
        if cancel.is_set() or len(found) >= len(now):
            break
    return found


def _ask(service: Service, cancel: threading.Event) -> None:
    options = ChatOptions(thinking=False, max_tokens=8)
    try:
        service.complete(
            [{"role": "user", "content": "1+1=?"}], options, timeout=LIMIT_S, cancel=cancel
        )
    except ServiceError:
        return  # a rank that does not answer shows in its counters
