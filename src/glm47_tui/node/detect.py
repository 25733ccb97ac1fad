"""Proposals for the wizard: which NIC and address, which data mount, which model folder.

Pure functions of facts. Each proposal carries its reasons, so that a user sees why it comes first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glm47_tui.i18n import Msg
from glm47_tui.node.facts import NodeFacts
from glm47_tui.node.host import Disk
from glm47_tui.node.net import Address, Nic
from glm47_tui.node.weights import ModelOnDisk

_SPEED_POINTS = ((100_000, 30), (25_000, 25), (10_000, 15))
"""Mbit/s from which a NIC gains so many points."""


@dataclass(frozen=True)
class NicChoice:
    """One NIC and address a node could serve on. Higher ``score`` is likelier."""

    nic: str
    ip: str
    prefix: int
    speed_mbps: int | None
    score: int
    reasons: tuple[Msg, ...]

    @property
    def subnet(self) -> str:
        """The subnet the address is in, as text."""
        return str(ipaddress.ip_network(f"{self.ip}/{self.prefix}", strict=False))


def _subnets(facts: NodeFacts) -> set[str]:
    return {
        str(a.network)
        for nic in facts.nics
        if not nic.internal and not nic.bridge
        for a in nic.addresses
        if a.family == 4
    }


def _judge(
    facts: NodeFacts, nic: Nic, address: Address, others: Sequence[NodeFacts], host: str | None
) -> NicChoice:
    score = 0
    reasons: list[Msg] = []

    def say(points: int, key: str, **values: object) -> None:
        nonlocal score
        score += points
        reasons.append(Msg.of(f"node.nic.{key}", **values))

    subnet = str(address.network)
    if others and all(subnet in _subnets(other) for other in others):
        say(40, "peer_subnet", subnet=subnet)
    if host == address.ip:
        say(15, "login")
    if any(r.destination == "default" and r.nic == nic.name for r in facts.routes):
        say(5, "default_route")
    if nic.speed_mbps:
        # The service network is most often the fastest one, the login the slowest.
        points = next((p for least, p in _SPEED_POINTS if nic.speed_mbps >= least), 0)
        say(points, "speed", gbit=nic.speed_mbps / 1000)
    if not nic.up:
        say(-50, "down")
    if nic.virtual and not nic.bond:
        say(-5, "virtual")
    if address.family == 6:
        say(-15, "ipv6")
    return NicChoice(nic.name, address.ip, address.prefix, nic.speed_mbps, score, tuple(reasons))


def nic_choices(
    facts: NodeFacts, others: Sequence[NodeFacts] = (), host: str | None = None
) -> tuple[NicChoice, ...]:
    """Return the NICs and addresses a node could serve on, the likeliest first.

    ``others`` are the facts of the other nodes (an address in a subnet they share is likeliest),
    ``host`` the address the login went to. Loopback, Docker and VM bridges, link-local addresses
    and members of a bond are left out.
    """
    choices = [
        _judge(facts, nic, address, others, host)
        for nic in facts.nics
        if not nic.internal and not (nic.bridge and nic.virtual and not nic.addresses)
        for address in nic.addresses
        if address.scope == "global" and not ipaddress.ip_address(address.ip).is_link_local
    ]
    return tuple(sorted(choices, key=lambda c: -c.score))


def common_subnet(all_facts: Mapping[int, NodeFacts]) -> tuple[str, ...]:
    """Return the IPv4 subnets every node has an address in, as text, sorted."""
    sets = [_subnets(f) for f in all_facts.values()]
    return tuple(sorted(set.intersection(*sets))) if sets else ()


def mount_choices(facts: NodeFacts) -> tuple[Disk, ...]:
    """Return folders that could be the data mount, the roomiest first.

    System folders are left out; ``/opt/data`` (the guide's) comes first when it exists.
    """
    asked = [d for d in facts.disks if d.path == "/opt/data" and d.exists]
    system = ("/boot", "/usr", "/var/lib/docker", "/snap", "/run", "/sys", "/proc", "/etc", "/dev")
    rest = [
        disk
        for disk in facts.mounts
        if disk.path != "/"
        and not disk.path.startswith(system)
        and disk.path not in {d.path for d in asked}
        and (disk.total or 0) >= 100 * 10**9
    ]
    return (*asked, *rest)


def model_choices(facts: NodeFacts, architecture: str = "Glm4Moe") -> tuple[ModelOnDisk, ...]:
    """Return model folders found on a node: complete ones of the right architecture first.

    A folder whose name or architecture has nothing to do with GLM is kept, at the end: the user
    may know better.
    """
    found = [*((facts.model,) if facts.model and facts.model.exists else ()), *facts.models]
    unique = {m.path: m for m in reversed(found)}

    def rank(model: ModelOnDisk) -> tuple[bool, bool, bool, str]:
        right = bool(model.config and model.config.architecture.startswith(architecture))
        named = "glm-4.7" in model.path.lower()
        return (not right, not model.complete, not named, model.path)

    return tuple(sorted(unique.values(), key=rank))
