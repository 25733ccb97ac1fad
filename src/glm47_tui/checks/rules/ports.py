"""Ports: free, or held by the engine of this very profile."""

from __future__ import annotations

import re

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, ok, warn
from glm47_tui.checks.reach import hccl_base
from glm47_tui.checks.views import NodeView
from glm47_tui.node.host import Listener

HCCL_COUNT = 32
"""How many host ports HCCL takes from there on (CANN 8.2 and later; 16 before)."""


def holder(node: NodeView, port: int) -> Listener | None:
    """Return a stranger that listens on a port; None when free or held by our own engine."""
    for listener in node.facts.listening(port):
        if not own(node, listener):
            return listener
    return None


def own(node: NodeView, listener: Listener) -> bool:
    """Whether a listener belongs to this profile's container."""
    if node.ours(listener.container):
        return True
    process = next((p for p in node.facts.processes if p.pid == listener.pid), None)
    return process is not None and node.ours(process.container)


def _one(node: NodeView, port: int, what: str) -> Says:
    found = holder(node, port)
    if found is None:
        mine = bool(node.facts.listening(port))
        return ok("own" if mine else "ok", port=port)
    who = f"{found.process or '?'}" + (f" (pid {found.pid})" if found.pid else "")
    return block(port=port, who=who, address=found.address, what=what,
                 command=f"ss -ltnp 'sport = :{port}'")  # fmt: skip


@check("ports.api", src.GUIDE_LAUNCH, needs="ports")
def api(node: NodeView) -> Answer:
    """The API's port is free on node 0."""
    return _one(node, node.profile.launch.port, "api") if node.index == 0 else None


@check("ports.rpc", src.VLLM_DP, needs="ports")
def rpc(node: NodeView) -> Answer:
    """The handshake's port is free on node 0."""
    return _one(node, node.profile.launch.rpc_port, "rpc") if node.index == 0 else None


@check("ports.hccl", src.HCCL_PORTS, needs="ports")
def hccl(node: NodeView) -> Answer:
    """HCCL's host ports are free."""
    base = hccl_base(node.profile)
    taken = [(p, holder(node, p)) for p in range(base, base + HCCL_COUNT)]
    strangers = [(p, h) for p, h in taken if h is not None]
    if not strangers:
        return ok(first=base, last=base + HCCL_COUNT - 1)
    listing = ", ".join(f"{p} {h.process or '?'}" for p, h in strangers[:4])
    say = block if any(p == base for p, _ in strangers) else warn
    last = base + HCCL_COUNT - 1
    command = f"ss -ltnp 'sport >= :{base} and sport <= :{last}'"
    return say("taken", listing=listing, first=base, last=last, command=command)


@check("ports.reserved", src.HCCL_PORTS, needs="limits")
def reserved(node: NodeView) -> Answer:
    """The kernel does not hand HCCL's ports to others."""
    base = hccl_base(node.profile)
    last = base + HCCL_COUNT - 1
    limits = node.facts.limits
    span = [int(w) for w in limits.get("net/ipv4/ip_local_port_range", "").split() if w.isdigit()]
    if len(span) != 2 or span[1] < base or span[0] > last:
        return ok("outside", first=base, last=last)
    before = limits.get("net/ipv4/ip_local_reserved_ports", "")
    if _covers(before, base, last):
        return ok(first=base, last=last)
    after = ",".join(x for x in (before, f"{base}-{last}") if x)
    key = "net.ipv4.ip_local_reserved_ports"
    return warn(first=base, last=last, low=span[0], high=span[1],
                command=f"sysctl -w {key}={after}", undo=f"sysctl -w {key}={before}")  # fmt: skip


def _covers(text: str, first: int, last: int) -> bool:
    found: set[int] = set()
    for part in re.findall(r"[0-9]{1,5}(?:-[0-9]{1,5})?", text):
        low, _, high = part.partition("-")
        found.update(range(int(low), min(int(high or low), 65535) + 1))
    return all(port in found for port in range(first, last + 1))
