"""The running model: a tunnel to node 0's API, chat, verification, metrics, loop watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm47_tui.service.chat import Answer, ChatOptions, Delta, Stats, ToolPiece, Usage
    from glm47_tui.service.client import Service, ServiceError, open_service
    from glm47_tui.service.loops import LoopWatch
    from glm47_tui.service.metrics import EngineMetrics, Histogram, RankMetrics, parse_metrics
    from glm47_tui.service.proofs import PROOFS, verify

__all__ = [
    "PROOFS",
    "Answer",
    "ChatOptions",
    "Delta",
    "EngineMetrics",
    "Histogram",
    "LoopWatch",
    "RankMetrics",
    "Service",
    "ServiceError",
    "Stats",
    "ToolPiece",
    "Usage",
    "open_service",
    "parse_metrics",
    "verify",
]

_HOME = {
    "ChatOptions": "chat",
    "Delta": "chat",
    "Stats": "chat",
    "Answer": "chat",
    "ToolPiece": "chat",
    "Usage": "chat",
    "Service": "client",
    "ServiceError": "client",
    "open_service": "client",
    "LoopWatch": "loops",
    "EngineMetrics": "metrics",
    "Histogram": "metrics",
    "RankMetrics": "metrics",
    "parse_metrics": "metrics",
    "PROOFS": "proofs",
    "verify": "proofs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
