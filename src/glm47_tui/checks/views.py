"""What a rule sees: one node, or all of them, with the profile beside the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glm47_tui.checks.evidence import Evidence
from glm47_tui.node import NodeFacts
from glm47_tui.profile import NodeSpec, Profile


@dataclass(frozen=True)
class NodeView:
    """One node that was looked at."""

    profile: Profile
    evidence: Evidence
    index: int

    @property
    def facts(self) -> NodeFacts:
        """What is true of it."""
        return self.evidence.facts[self.index]

    @property
    def spec(self) -> NodeSpec:
        """What the profile says of it."""
        return self.profile.nodes[self.index]

    @property
    def name(self) -> str:
        """``node0`` and so on."""
        return self.profile.node_name(self.index)

    @property
    def peers(self) -> tuple[int, ...]:
        """Numbers of the other nodes of the profile."""
        return tuple(i for i in range(len(self.profile.nodes)) if i != self.index)

    def ours(self, container: str | None) -> bool:
        """Whether a container id is the one of this profile: its engine is no stranger."""
        own = self.facts.container
        return container is not None and own is not None and container == own.id


@dataclass(frozen=True)
class FleetView:
    """All nodes of a profile; those that could not be looked at are missing from ``facts``."""

    profile: Profile
    evidence: Evidence

    @property
    def facts(self) -> Mapping[int, NodeFacts]:
        """Facts by node number."""
        return self.evidence.facts

    def node(self, index: int) -> NodeView:
        """Return the view of one node."""
        return NodeView(self.profile, self.evidence, index)

    @property
    def nodes(self) -> tuple[NodeView, ...]:
        """Views of the nodes that were looked at."""
        return tuple(self.node(i) for i in self.facts)

    @property
    def several(self) -> bool:
        """Whether there are at least two nodes to compare."""
        return len(self.facts) > 1
