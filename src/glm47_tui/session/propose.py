"""What looking at the nodes suggests for a draft: NIC, address, model folder. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from glm47_tui.node import NodeFacts
from glm47_tui.node.detect import NicChoice, model_choices, nic_choices
from glm47_tui.node.weights import ModelOnDisk


@dataclass(frozen=True)
class Proposal:
    """What one node could serve by, the likeliest first."""

    nics: tuple[NicChoice, ...] = ()
    models: tuple[ModelOnDisk, ...] = ()


@dataclass(frozen=True)
class Fill:
    """Values for fields of a draft that were empty, by path."""

    values: Mapping[str, Any] = field(default_factory=dict)


def propose(data: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> dict[int, Proposal]:
    """Return the choices of every node that was looked at."""
    out = {}
    for index, seen in facts.items():
        others = [f for i, f in facts.items() if i != index]
        host = str(data["nodes"][index].get("host", "")) if index < len(data["nodes"]) else None
        out[index] = Proposal(nic_choices(seen, others, host), model_choices(seen))
    return out


def fill(data: Mapping[str, Any], proposals: Mapping[int, Proposal]) -> Fill:
    """Return values for the NIC and address of nodes that have none yet.

    A node that names one of the two gets the other to match it.
    """
    values: dict[str, Any] = {}
    for index, proposal in proposals.items():
        node = data["nodes"][index]
        nic, ip = node.get("nic"), node.get("ip")
        if nic and ip:
            continue
        fits = [c for c in proposal.nics if (not nic or c.nic == nic) and (not ip or c.ip == ip)]
        if fits:
            values[f"nodes[{index}].nic"] = fits[0].nic
            values[f"nodes[{index}].ip"] = fits[0].ip
    return Fill(values)


def filled(data: Mapping[str, Any], values: Fill) -> dict[str, Any]:
    """Return a copy of a draft's data with the values put in."""
    from glm47_tui.session.draft import Draft

    copy = Draft(deepcopy(dict(data)))
    for path, value in values.values.items():
        copy.set(path, value)
    return copy.data
