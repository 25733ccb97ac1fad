"""Simulated Atlas nodes on loopback that speak real SSH: the demo, and the tests' fast double.

``Cluster(home, nodes=2)`` starts them in a process of their own. Nothing else of glm47_tui knows
that a node can be simulated: all meet at SSH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glm47_tui.demo.cluster import Cluster as Cluster
    from glm47_tui.demo.errors import DemoError as DemoError
    from glm47_tui.demo.errors import HomeInUse as HomeInUse
    from glm47_tui.demo.faults import FAULTS as FAULTS

__all__ = ["FAULTS", "Cluster", "DemoError", "HomeInUse"]


def __getattr__(name: str) -> Any:
    """Import on first use: stand-ins import this package at every start, and must be quick."""
    from importlib import import_module

    places = {
        "Cluster": "cluster", "DemoError": "errors", "HomeInUse": "errors", "FAULTS": "faults",
    }  # fmt: skip
    if name not in places:
        raise AttributeError(name)
    return getattr(import_module(f"glm47_tui.demo.{places[name]}"), name)
