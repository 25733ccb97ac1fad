"""The rules, one file a group; importing this package fills the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from glm47_tui.checks.catalogue import GROUPS, Check
from glm47_tui.checks.rules import (
    access,
    docker,
    hccn,
    host,
    model,
    net,
    npu,
    ports,
    reach,
    same,
    version,
)

__all__ = ["ordered"]

_MODULES = (access, host, version, docker, net, reach, ports, npu, hccn, model, same)


def ordered(registry: Mapping[str, Check]) -> tuple[Check, ...]:
    """Return the checks by group; within a group in the order of their definition."""
    return tuple(sorted(registry.values(), key=lambda c: GROUPS.index(c.group)))
