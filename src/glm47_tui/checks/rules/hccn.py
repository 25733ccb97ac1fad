"""The NPUs' own network (RoCE): link, addresses, TLS, and a ping for every pair."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, info, ok, unknown, warn
from glm47_tui.checks.evidence import Ping
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.node.hccn import HccnPort

TOOLS = "PATH=$PATH:/usr/local/Ascend/driver/tools"
"""In front of commands: hccn_tool is not on the PATH of a plain SSH login."""


def ports(node: NodeView) -> list[HccnPort]:
    """Return the ports of the profile's NPUs; empty where one node needs no such network."""
    if len(node.profile.nodes) < 2:
        return []
    return [p for p in node.facts.hccn if p.npu in node.profile.container.devices]


def _numbers(found: Sequence[HccnPort]) -> str:
    return ", ".join(str(p.npu) for p in found)


def _each(found: Sequence[HccnPort], words: str) -> str:
    numbers = " ".join(str(p.npu) for p in found)
    return f"{TOOLS}; for i in {numbers}; do hccn_tool -i $i {words}; done"


@check("hccn.tool", src.HCCN)
def tool(node: NodeView) -> Answer:
    """hccn_tool is there and answers."""
    if len(node.profile.nodes) < 2:
        return None
    if node.facts.hccn_missing:
        return unknown("missing", command="ls -l /usr/local/Ascend/driver/tools/hccn_tool")
    mine = ports(node)
    bad = [p for p in mine if p.slow or "link" in p.failed]
    if not mine or all("link" in (*p.failed, *p.slow) for p in mine):
        return unknown("silent", command=f"{TOOLS}; hccn_tool -i 0 -link -g")
    if bad:
        queries = sorted({q for p in bad for q in (*p.slow, *p.failed)})
        return unknown("some", listing=_numbers(bad), queries=", ".join(queries))
    return ok(count=len(mine))


@check("hccn.link", src.VA_MULTI)
def link(node: NodeView) -> Answer:
    """Every NPU's port has a link."""
    mine = ports(node)
    down = [p for p in mine if p.up is False]
    if down:
        return block("down", listing=_numbers(down), command=_each(down, "-link -g"))
    dim = [p for p in mine if p.up is None]
    if dim and len(dim) == len(mine):
        return None  # hccn.tool speaks of it
    if dim:
        return unknown(listing=_numbers(dim))
    return ok(count=len(mine)) if mine else None


@check("hccn.address", src.VA_MULTI)
def address(node: NodeView) -> Answer:
    """Every NPU's port has an address."""
    mine = ports(node)
    bare = [p for p in mine if p.ip is None and p.unset]
    if bare:
        return block("none", listing=_numbers(bare), command=_each(bare, "-ip -g"))
    dim = [p for p in mine if p.ip is None]
    if dim and len(dim) == len(mine):
        return None
    if dim:
        return unknown(listing=_numbers(dim))
    if not mine:
        return None
    return ok(first=mine[0].ip, last=mine[-1].ip, count=len(mine))


@check("hccn.distinct", src.HCCL_ERRORS, fleet=True)
def distinct(fleet: FleetView) -> Answer:
    """No two NPUs have one address."""
    owners: dict[str, list[str]] = {}
    for node in fleet.nodes:
        for port in ports(node):
            if port.ip:
                owners.setdefault(port.ip, []).append(f"node{node.index} NPU {port.npu}")
    if not owners:
        return None
    twice = {ip: who for ip, who in owners.items() if len(who) > 1}
    if twice:
        listing = "; ".join(f"{ip}: {', '.join(who)}" for ip, who in list(twice.items())[:4])
        return block(listing=listing, command=f"{TOOLS}; hccn_tool -i N -ip -s address A netmask M")
    return ok(count=len(owners))


@check("hccn.health", src.VA_MULTI)
def health(node: NodeView) -> Answer:
    """The tool's own test of every port succeeds."""
    mine = ports(node)
    told = [p for p in mine if p.health]
    if not told:
        return None
    bad = [p for p in told if p.health and p.health.lower() not in ("success", "init")]
    if bad:
        listing = ", ".join(f"{p.npu} {p.health}" for p in bad)
        return warn("fault", listing=listing, command=_each(bad, "-net_health -g"))
    fresh = [p for p in told if p.health and p.health.lower() == "init"]
    if fresh:
        return info("init", listing=_numbers(fresh))
    return ok(count=len(told))


@check("hccn.tls", src.HCCL_ERRORS, fleet=True)
def tls(fleet: FleetView) -> Answer:
    """The TLS switch is equal on all NPUs of all nodes. No switch printed counts as off."""
    states = {
        node.index: {p.npu: bool(p.tls) for p in ports(node) if "tls" not in (*p.failed, *p.slow)}
        for node in fleet.nodes
    }
    flat = [v for s in states.values() for v in s.values()]
    if not flat:
        return None
    if len(set(flat)) == 1:
        return ok("on" if flat[0] else "ok", count=len(flat))
    said: list[Says] = []
    for index, state in states.items():
        on = [npu for npu, value in state.items() if value]
        if on:
            numbers = " ".join(map(str, on))
            command = f"{TOOLS}; for i in {numbers}; do hccn_tool -i $i -tls -s enable 0; done"
            undo = command.replace("enable 0", "enable 1")
            said.append(block("mixed", node=index, listing=", ".join(map(str, on)),
                              off=flat.count(False), command=command, undo=undo))  # fmt: skip
    return said


@check("hccn.netdetect", src.VA_MULTI)
def netdetect(node: NodeView) -> Answer:
    """Every port has an address to test itself against."""
    mine = [p for p in ports(node) if "netdetect" not in (*p.failed, *p.slow)]
    if not mine:
        return None
    bare = [p for p in mine if p.netdetect is None]
    return info(listing=_numbers(bare)) if bare else ok(count=len(mine))


@check("hccn.gateway", src.VA_MULTI, fleet=True)
def gateway(fleet: FleetView) -> Answer:
    """Where the NPUs' addresses lie in several subnets, every port has a gateway."""
    nets: dict[str, list[str]] = {}
    bare: dict[int, list[int]] = {}
    for node in fleet.nodes:
        for port in ports(node):
            net = _network(port)
            if net is None:
                continue
            nets.setdefault(net, []).append(f"node{node.index} NPU {port.npu}")
            if port.gateway is None:
                bare.setdefault(node.index, []).append(port.npu)
    if not nets:
        return None
    if len(nets) == 1:
        return ok(subnet=next(iter(nets)))
    if not bare:
        return ok("routed", count=len(nets))
    listing = "; ".join(f"node{i} NPU {', '.join(map(str, n))}" for i, n in bare.items())
    return warn(listing=listing, subnets=", ".join(list(nets)[:4]), count=len(nets),
                command=f"{TOOLS}; hccn_tool -i N -gateway -s gateway A")  # fmt: skip


def _network(port: HccnPort) -> str | None:
    try:
        return str(ipaddress.ip_network(f"{port.ip}/{port.netmask}", strict=False))
    except ValueError:
        return None


@check("hccn.conf", src.HCCN)
def conf(node: NodeView) -> Answer:
    """/etc/hccn.conf says what the ports have: they are set by it at the next start."""
    saved = node.facts.hccn_conf.address
    mine = [p for p in ports(node) if p.ip]
    if not mine:
        return None
    if not saved:
        return info("empty")
    odd = [p for p in mine if saved.get(p.npu) not in (None, p.ip)]
    if odd:
        listing = ", ".join(f"{p.npu}: {p.ip} / {saved[p.npu]}" for p in odd[:4])
        return warn(listing=listing, command="cat /etc/hccn.conf")
    return ok()


@check("hccn.ping", src.VA_MULTI, fleet=True)
def ping(fleet: FleetView) -> Answer:
    """Every NPU reaches every NPU of the other nodes."""
    if len(fleet.profile.nodes) < 2 or not fleet.several:
        return None  # access.login speaks of the nodes that could not be looked at
    if not fleet.evidence.pings_tried:
        return unknown("untried")
    groups: dict[tuple[int, int], list[Ping]] = {}
    for pair in fleet.evidence.pings:
        low, high = sorted((pair.source, pair.target))
        groups.setdefault((low, high), []).append(pair)
    return [_pairs(low, high, found) for (low, high), found in sorted(groups.items())] or None


def _pairs(low: int, high: int, found: list[Ping]) -> Says:
    bad = [p for p in found if p.ok is False]
    where = {"low": low, "high": high, "count": len(found)}
    if bad:
        who = dead_ends(found)
        command = f"{TOOLS}; hccn_tool -i {bad[0].source_npu} -ping -g address {bad[0].address}"
        return block("dead" if who else "bad", **where, bad=len(bad), listing=_few(bad),
                     who=", ".join(who), command=command)  # fmt: skip
    lossy = [p for p in found if p.ok and (p.lost_percent or 0) > 0]
    if lossy:
        return warn("lossy", **where, bad=len(lossy), listing=_few(lossy))
    dim = [p for p in found if p.ok is None]
    if dim:
        reason = Counter(p.detail for p in dim).most_common(1)[0][0]
        known = reason in ("no_address", "no_tool", "no_time")
        return unknown(reason if known else "unknown", **where, dim=len(dim), detail=reason)
    return ok(**where)


def _few(found: Sequence[Ping]) -> str:
    return "; ".join(map(_pair, found[:3])) + ("; ..." if len(found) > 3 else "")


def dead_ends(found: Sequence[Ping]) -> tuple[str, ...]:
    """Name the NPUs that reach nobody, when they account for every pair that fails; else none."""
    ends: dict[tuple[int, int], list[Ping]] = {}
    for p in found:
        if p.ok is not None:
            ends.setdefault((p.source, p.source_npu), []).append(p)
            ends.setdefault((p.target, p.target_npu), []).append(p)
    dead = {end for end, own in ends.items() if len(own) > 1 and not any(p.ok for p in own)}
    if any(p.ok is False and not {(p.source, p.source_npu), (p.target, p.target_npu)} & dead
           for p in found):  # fmt: skip
        return ()
    # With one whole node dead, all NPUs of the other reach nobody either: no blame then.
    if len({node for node, _ in dead}) > 1:
        return ()
    return tuple(f"node{node} NPU {npu}" for node, npu in sorted(dead))


def _pair(p: Ping) -> str:
    return f"node{p.source} NPU {p.source_npu} -> node{p.target} NPU {p.target_npu} ({p.address})"
