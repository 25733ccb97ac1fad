"""Collectors of all nodes and the state they keep; no widget in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm47_tui.monitor.frames import LogPlace, NpuReading, Proc
    from glm47_tui.monitor.history import Ring, thin
    from glm47_tui.monitor.logs import LEVELS, Line, LogStore
    from glm47_tui.monitor.monitor import Monitor
    from glm47_tui.monitor.player import Player
    from glm47_tui.monitor.record import Recorder, Recording
    from glm47_tui.monitor.state import (
        EngineView,
        Link,
        LinkState,
        MonitorState,
        NodeView,
        RankHealth,
        RankView,
        WatchEvent,
        Weight,
    )
    from glm47_tui.monitor.watches import Thresholds

_HOME = {
    "frames": ("LogPlace", "NpuReading", "Proc"),
    "history": ("Ring", "thin"),
    "logs": ("LEVELS", "Line", "LogStore"),
    "monitor": ("Monitor",),
    "player": ("Player",),
    "record": ("Recorder", "Recording"),
    "state": (
        "EngineView", "Link", "LinkState", "MonitorState", "NodeView", "RankHealth", "RankView",
        "WatchEvent", "Weight",
    ),
    "watches": ("Thresholds",),
}  # fmt: skip

__all__ = [
    "LEVELS",
    "EngineView",
    "Line",
    "Link",
    "LinkState",
    "LogPlace",
    "LogStore",
    "Monitor",
    "MonitorState",
    "NodeView",
    "NpuReading",
    "Player",
    "Proc",
    "RankHealth",
    "RankView",
    "Recorder",
    "Recording",
    "Ring",
    "Thresholds",
    "WatchEvent",
    "Weight",
    "thin",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(name)
