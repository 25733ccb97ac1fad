"""Do the nodes reach each other by TCP, both ways, on every port the deployment needs?"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, ok, unknown, warn
from glm47_tui.checks.evidence import PortUse, Reach
from glm47_tui.checks.views import FleetView
from glm47_tui.node import NodeFacts
from glm47_tui.node.detect import common_subnet

_BLOCKED = ("timeout", "refused", "unreachable")


def opening(facts: NodeFacts, sources: Sequence[str]) -> tuple[str, str, str]:
    """Return (fix text, command, undo) that lets some addresses through a node's firewall.

    What is undone by a reboot is preferred. Both commands are empty when no firewall is seen on
    the node itself.
    """
    wall = facts.firewall
    if "firewalld" in wall.active:
        words = [" ".join(f"--{verb}-source={s}" for s in sources) for verb in ("add", "remove")]
        command, undo = (f"firewall-cmd --zone=trusted {w}" for w in words)
        return "fix_firewalld", command, undo
    if "ufw" in wall.active:
        command, undo = (
            " && ".join(f"ufw {verb} from {s}" for s in sources)
            for verb in ("allow", "delete allow")
        )
        return "fix_firewall", command, undo
    if wall.drops:
        tool = "ip6tables" if any(":" in s for s in sources) else "iptables"
        command, undo = (
            " && ".join(f"{tool} -{verb} INPUT -s {s} -j ACCEPT" for s in sources)
            for verb in ("I", "D")
        )
        return "fix_firewall", command, undo
    if wall.nft_drops:
        return "fix_nft", "nft list ruleset", ""
    return "fix_between", "", ""


def _walled(facts: NodeFacts) -> bool:
    """Whether a node has a firewall that may drop the answers to its own calls."""
    wall = facts.firewall
    return bool(wall.active) or wall.drops or wall.nft_drops


def better_nics(fleet: FleetView) -> dict[int, tuple[str, str]]:
    """NIC and address in a subnet all nodes share, for nodes whose chosen address lies outside it.

    Empty when there is no such subnet, or all chosen addresses are in one already.
    """
    nodes = fleet.profile.nodes
    best: dict[int, tuple[str, str]] = {}
    for subnet in common_subnet(fleet.facts):
        net = ipaddress.ip_network(subnet)
        outside = [i for i in sorted(fleet.facts) if ipaddress.ip_address(nodes[i].ip) not in net]
        if not outside:
            return {}
        found = {
            i: (nic.name, address.ip)
            for i in outside
            for nic in fleet.facts[i].nics
            for address in nic.addresses
            if not nic.internal and str(address.network) == subnet
        }
        if found and (not best or len(found) < len(best)):
            best = found
    return best


def blocked(fleet: FleetView) -> bool:
    """Whether a node was seen not to reach another one."""
    return any(r.way in _BLOCKED for r in fleet.evidence.reach)


def _judge(fleet: FleetView, use: PortUse, targets: Sequence[int]) -> Answer:
    if len(fleet.profile.nodes) < 2 or not fleet.several:
        return None  # access.login speaks of the nodes that could not be looked at
    if not fleet.evidence.reach_tried:
        return unknown("untried")
    return [said for t in targets if (said := _one(fleet, use, t)) is not None]


def _one(fleet: FleetView, use: PortUse, target: int) -> Says | None:
    tries = [r for r in fleet.evidence.reach if r.target == target and r.use == use]
    if not tries:
        return None
    bad = [r for r in tries if r.way in _BLOCKED]
    strange = [r for r in tries if r.way == "stranger"]
    dim = [r for r in tries if r.way in ("failed", "deaf")]
    ports = ", ".join(str(p) for p in sorted({r.port for r in tries}))
    sources = ", ".join(f"node{i}" for i in sorted({r.source for r in tries}))
    if bad:
        return _blocked(fleet, use, target, bad)
    if strange:
        return block("stranger", node=target, fix="fix_stranger", listing=_listing(strange),
                     ip=fleet.profile.nodes[target].ip)  # fmt: skip
    if all(r.way == "held" for r in tries):
        return ok("held", node=target, ports=ports)
    if dim:
        variant = "deaf" if all(r.way == "deaf" for r in dim) else "failed"
        detail = next((r.detail for r in dim if r.detail), "-")
        return unknown(variant, node=target, listing=_listing(dim), detail=detail)
    return ok(node=target, ports=ports, sources=sources)


def _blocked(fleet: FleetView, use: PortUse, target: int, bad: Sequence[Reach]) -> Says:
    way = Counter(r.way for r in bad).most_common(1)[0][0]
    addresses = [fleet.profile.nodes[i].ip for i in sorted({r.source for r in bad})]
    fix, command, undo = opening(fleet.facts[target], addresses)
    walled = [i for i in sorted({r.source for r in bad}) if _walled(fleet.facts[i])]
    if fix == "fix_between" and walled:
        fix = "fix_source"
    better = "; ".join(
        f'node{i}: nic = "{nic}", ip = "{ip}"' for i, (nic, ip) in better_nics(fleet).items()
    )
    if better:
        fix, command, undo = "fix_nic", "", ""
    # Without the API's port from the other nodes the deployment still runs.
    say = warn if use == "api" else block
    return say(
        way, node=target, fix=fix, command=command, undo=undo, listing=_listing(bad),
        ip=fleet.profile.nodes[target].ip, sources=", ".join(addresses), better=better,
    )  # fmt: skip


def _listing(tries: Sequence[Reach]) -> str:
    by_source: dict[int, list[int]] = {}
    for r in tries:
        by_source.setdefault(r.source, []).append(r.port)
    parts = [f"node{s} -> {', '.join(map(str, sorted(p)))}" for s, p in by_source.items()]
    return "; ".join(parts[:6]) + ("; ..." if len(parts) > 6 else "")


@check("reach.rpc", src.VLLM_DP, fleet=True)
def rpc(fleet: FleetView) -> Answer:
    """Every node reaches node 0's handshake port."""
    return _judge(fleet, "rpc", [0])


@check("reach.random", src.VLLM_DP, fleet=True)
def random(fleet: FleetView) -> Answer:
    """The nodes reach each other on any port: vLLM's data parallel picks several by itself."""
    return _judge(fleet, "random", sorted(fleet.facts))


@check("reach.hccl", src.HCCL_PORTS, fleet=True)
def hccl(fleet: FleetView) -> Answer:
    """The nodes reach each other on HCCL's host port."""
    return _judge(fleet, "hccl", sorted(fleet.facts))


@check("reach.api", src.GUIDE_LAUNCH, fleet=True)
def api(fleet: FleetView) -> Answer:
    """The API's port can be reached from outside node 0."""
    return _judge(fleet, "api", [0])
