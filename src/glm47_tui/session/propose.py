"""What looking at the nodes suggests for a draft: pick lists, and values for empty fields. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from glm47_tui.node import NodeFacts, Suggestion
from glm47_tui.node.detect import NicChoice, model_choices, nic_choices
from glm47_tui.node.weights import ModelOnDisk


@dataclass(frozen=True)
class Proposal:
    """What one node could serve by, the likeliest first."""

    nics: tuple[NicChoice, ...] = ()
    models: tuple[ModelOnDisk, ...] = ()


def choices(data: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> dict[int, Proposal]:
    """Return the choices of every node that was looked at."""
    out = {}
    for index, seen in facts.items():
        others = [f for i, f in facts.items() if i != index]
        host = str(data["nodes"][index].get("host", "")) if index < len(data["nodes"]) else None
        out[index] = Proposal(nic_choices(seen, others, host), model_choices(seen))
    return out


def filled(data: Mapping[str, Any], suggestions: Iterable[Suggestion]) -> dict[str, Any]:
    """Return a copy of a draft's data with the suggested values put in."""
    from glm47_tui.session.draft import Draft

    copy = Draft(deepcopy(dict(data)))
    for suggestion in suggestions:
        copy.set(suggestion.path, suggestion.value)
    return copy.data
