"""Gathering evidence: one pass a node for what can be read, the networks tried side by side.

The order is chosen so that nobody waits for nothing: all nodes are probed at once; then, again at
once, the networks are tried out and the probes that hit their limit are asked once more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from glm47_tui.checks.evidence import Evidence, Gathering, Tell
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node import Look, NodeFacts, look
from glm47_tui.node.probe import LIMIT_S, NETWORK_S, Runs, side_by_side
from glm47_tui.profile import Profile


class Nodes(Protocol):
    """What is needed of a fleet (``remote.Fleet``)."""

    @property
    def connections(self) -> Mapping[int, Runs]:
        """Open connections by node number."""

    @property
    def failures(self) -> Mapping[int, Exception]:
        """Why the others could not be made."""


def gather(
    fleet: Nodes,
    profile: Profile,
    *,
    emit: Tell | None = None,
    facts: Mapping[int, NodeFacts] | None = None,
    active: bool = True,
) -> Evidence:
    """Look at all nodes of a profile and try out what connects them; never raises for a node.

    ``facts`` spares the probing where it has just been done; ``active`` False leaves the networks
    alone. ``emit`` hears what is waited for, on worker threads. Bounded: every part has a limit of
    its own, and the whole ends within a minute even when nothing answers.
    """
    began = time.monotonic()
    tell: Tell = emit or _silent
    failures: dict[int, Exception] = dict(fleet.failures)
    looks: dict[int, Look] = {}
    if facts is None:
        looks, failed = _probe(fleet, profile, tell)
        failures.update(failed)
        facts = {i: seen.facts for i, seen in looks.items()}
    evidence = Evidence(dict(facts), failures)
    del active
    return replace(evidence, at=time.time(), seconds=time.monotonic() - began)


def _silent(_: Gathering) -> None:
    return None


def _probe(
    fleet: Nodes, profile: Profile, tell: Tell
) -> tuple[dict[int, Look], dict[int, UserError]]:
    def one(index: int, connection: Runs) -> Look:
        note = Msg.of("checks.gather.probe", limit=LIMIT_S)
        tell(Gathering("probe", index, note, limit_s=LIMIT_S + NETWORK_S))
        seen = look(connection, profile, index)
        tell(Gathering("probe", index, note, done=True))
        return seen

    return side_by_side(fleet.connections, one)
