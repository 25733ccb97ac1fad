"""NIC, address, subnet, route: the mistakes that cost forty minutes each."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, info, ok, unknown, warn
from glm47_tui.checks.rules.reach import better_nics, blocked
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.node.detect import nic_choices
from glm47_tui.node.net import Nic


def _nics(nics: Iterable[Nic]) -> str:
    """List NICs with their addresses: ``enp67s0f5 (10.77.0.10), enp1s0 (-)``."""
    shown = [n for n in nics if not n.internal]
    return ", ".join(f"{n.name} ({' '.join(n.ipv4) or '-'})" for n in shown) or "-"


def suggestion(node: NodeView) -> tuple[str, str] | None:
    """Return the NIC and address the facts speak for, other than what the profile says.

    The NIC that carries the profile's address, else the likeliest one by subnet, login and speed.
    """
    facts, spec = node.facts, node.spec
    owner = facts.nic_of(spec.ip)
    if owner is not None:
        return None if owner.name == spec.nic else (owner.name, spec.ip)
    others = [f for i, f in node.evidence.facts.items() if i != node.index]
    choices = nic_choices(facts, others, spec.host)
    if not choices or (choices[0].nic, choices[0].ip) == (spec.nic, spec.ip):
        return None
    return choices[0].nic, choices[0].ip


@check("net.nic_exists", src.HCCL_NIC, needs=("addr", "nic"))
def nic_exists(node: NodeView) -> Answer:
    """The NIC named in the profile exists on this node."""
    spec = node.spec
    if node.facts.nic(spec.nic) is not None:
        return ok(nic=spec.nic)
    right = suggestion(node)
    have = _nics(node.facts.nics)
    if right is None:
        return block(nic=spec.nic, have=have, fix="fix_none")
    return block(nic=spec.nic, have=have, right=right[0], ip=right[1])


@check("net.address", src.GUIDE_LAUNCH, needs="addr")
def address(node: NodeView) -> Answer:
    """The service address belongs to the NIC named beside it."""
    spec, facts = node.spec, node.facts
    if not any(nic.addresses for nic in facts.nics):
        return unknown(ip=spec.ip, fix="fix_none", command="ip -br addr")
    owner = facts.nic_of(spec.ip)
    if owner is not None and owner.name == spec.nic:
        return ok(ip=spec.ip, nic=spec.nic)
    if owner is not None and facts.nic(spec.nic) is None:
        return None  # net.nic_exists names the right one already
    if owner is not None:
        return block("other_nic", fix="fix_nic", ip=spec.ip, nic=spec.nic, right=owner.name)
    return _elsewhere(node)


def _elsewhere(node: NodeView) -> Says:
    """Say where an address is that is not on its node, or which one may have been meant."""
    spec = node.spec
    for other in node.peers:
        theirs = node.evidence.facts.get(other)
        found = theirs.nic_of(spec.ip) if theirs else None
        if found is not None:
            return block("other_node", fix="fix_swap", ip=spec.ip, other=other, right=found.name)
    right = suggestion(node)
    have = _nics(node.facts.nics)
    if right is None:
        return block("absent", fix="fix_none", ip=spec.ip, nic=spec.nic, have=have)
    return block("absent", ip=spec.ip, nic=spec.nic, have=have, right=right[0], address=right[1])


@check("net.nic_up", src.LINUX, needs="nic")
def nic_up(node: NodeView) -> Answer:
    """The NIC has a link."""
    nic = node.facts.nic(node.spec.nic)
    if nic is None:
        return None  # net.nic_exists speaks of it
    if nic.up:
        return ok(nic=nic.name, speed=_speed(nic))
    return block(nic=nic.name, command=f"ip link set {nic.name} up && ip -br link show {nic.name}")


def _speed(nic: Nic) -> str:
    return f"{nic.speed_mbps / 1000:g} Gbit/s" if nic.speed_mbps else "-"


@check("net.kind", src.GUIDE_LAUNCH, needs=("addr", "nic"))
def kind(node: NodeView) -> Answer:
    """The NIC is one that leads out of the host."""
    nic = node.facts.nic(node.spec.nic)
    if nic is None:
        return None
    if nic.internal:
        return block("internal", nic=nic.name)
    if nic.master is not None:
        return warn("member", nic=nic.name, master=nic.master)
    return ok(nic=nic.name, driver=nic.driver or "-")


@check("net.subnet", src.VA_MULTI, fleet=True)
def subnet(fleet: FleetView) -> Answer:
    """The chosen addresses lie in one subnet."""
    if not fleet.several:
        return None
    nets: dict[int, str] = {}
    for node in fleet.nodes:
        nic = node.facts.nic_of(node.spec.ip)
        found = next((a for a in nic.addresses if a.ip == node.spec.ip), None) if nic else None
        if found is None:
            return unknown()
        nets[node.index] = str(found.network)
    listing = ", ".join(f"node{i} {fleet.profile.nodes[i].ip} ({net})" for i, net in nets.items())
    if len(set(nets.values())) == 1:
        return ok(subnet=next(iter(nets.values())))
    right = better_nics(fleet) if blocked(fleet) else {}
    if not right:
        return warn(listing=listing)
    specs = fleet.profile.nodes
    return [
        block("wrong_nic", node=i, fix="fix_nic", nic=specs[i].nic, ip=specs[i].ip, right=nic,
              address=address)
        for i, (nic, address) in right.items()
    ]  # fmt: skip


@check("net.route", src.LINUX, needs="route")
def route(node: NodeView) -> Answer:
    """Packets to every peer leave by the chosen NIC, from the chosen address."""
    return [_route(node, peer) for peer in node.peers] or None


def _route(node: NodeView, peer: int) -> Says:
    spec, ip = node.spec, node.profile.nodes[peer].ip
    way = next((r for r in node.facts.peer_routes if r.peer == ip), None)
    if way is None:
        return unknown(peer=peer, ip=ip)
    if way.local:
        return block("local", fix="fix_local", peer=peer, ip=ip)
    if way.nic is None:
        return block("none", peer=peer, ip=ip, nic=spec.nic, error=way.error or "-",
                     command=f"ip route get {ip}", fix="fix_none")  # fmt: skip
    # Where NIC and address do not belong together, net.address says so: here the address counts.
    owner = node.facts.nic_of(spec.ip)
    wanted = owner.name if owner else spec.nic
    if way.nic != wanted:
        return warn(peer=peer, ip=ip, nic=way.nic, wanted=wanted, source=way.source or "-",
                    command=f"ip route get {ip}")  # fmt: skip
    if way.source and way.source != spec.ip:
        return warn("source", fix="fix_source", peer=peer, ip=ip, nic=way.nic, source=way.source,
                    wanted=spec.ip, command=f"ip route get {ip} from {spec.ip}")  # fmt: skip
    return ok(peer=peer, ip=ip, nic=way.nic)


@check("net.mtu", src.LINUX, fleet=True)
def mtu(fleet: FleetView) -> Answer:
    """The chosen NICs have one MTU."""
    return _equal_nics(fleet, "mtu")


@check("net.speed", src.LINUX, fleet=True)
def speed(fleet: FleetView) -> Answer:
    """The chosen NICs are equally fast."""
    return _equal_nics(fleet, "speed_mbps")


def _equal_nics(fleet: FleetView, what: str) -> Says | None:
    if not fleet.several:
        return None
    nics = {n.index: n.facts.nic(n.spec.nic) for n in fleet.nodes}
    if None in nics.values():
        return None  # net.nic_exists speaks of it
    values = {i: getattr(nic, what) for i, nic in nics.items()}
    if None in values.values():
        return None if what == "speed_mbps" else unknown()
    listing = ", ".join(f"node{i} {v}" for i, v in values.items())
    if len(set(values.values())) == 1:
        return ok(value=next(iter(values.values())))
    odd = Counter(values.values()).most_common(1)[0][0]
    node = next(i for i, v in values.items() if v != odd)
    nic = fleet.profile.nodes[node].nic
    if what == "mtu":
        command = f"ip link set dev {nic} mtu {odd}"
        return warn(listing=listing, command=command, other=node, value=odd)
    return warn(listing=listing)


@check("net.hostname", src.VA_FAQ, fleet=True)
def hostname(fleet: FleetView) -> Answer:
    """No two nodes have one host name."""
    if not fleet.several:
        return None
    names = {i: f.system.hostname for i, f in fleet.facts.items()}
    if "" in names.values():
        return unknown()
    if len(set(names.values())) == len(names):
        return ok(names=", ".join(names.values()))
    return warn(names=", ".join(f"node{i} {n}" for i, n in names.items()),
                command="hostnamectl set-hostname NEW-NAME")  # fmt: skip


@check("net.family", src.HCCL_ERRORS, needs="addr")
def family(node: NodeView) -> Answer:
    """IPv6 service addresses are allowed, yet nobody has published a run with them."""
    version = ipaddress.ip_address(node.spec.ip).version
    return ok(ip=node.spec.ip) if version == 4 else info(ip=node.spec.ip)


@check("net.api_host", src.GUIDE_LAUNCH, needs="addr")
def api_host(node: NodeView) -> Answer:
    """The API listens on an address that node 0 has."""
    host = node.profile.launch.host
    if node.index != 0:
        return None
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        return ok("all", host=host)
    if address.is_loopback:
        return warn("local", host=host)
    return (
        ok(host=host) if node.facts.nic_of(host) else block("absent", fix="fix_absent", host=host)
    )
