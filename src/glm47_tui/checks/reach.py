"""Trying out TCP between the nodes, both ways, on the deployment's ports and on random ones.

Every node runs one script at the same time: it listens on the ports the deployment would use,
bound to the chosen address, and calls the other nodes' ports from that address. A port somebody
listens on already is left alone: calling it could disturb a running engine.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from glm47_tui.checks.evidence import PortUse, Reach, Way
from glm47_tui.node import NodeFacts
from glm47_tui.node.probe import NETWORK_S, Runs
from glm47_tui.profile import Profile
from glm47_tui.render.looks import reach_script

SECONDS = 5.0
"""When the script gives up: a late listener is called again for 2 s, a call then waits 2.5 s."""
HCCL_BASE = 60000
"""First host port of HCCL where HCCL_IF_BASE_PORT does not say otherwise."""

_WAYS = get_args(Way)


@dataclass(frozen=True)
class Plan:
    """What to try: ``ports`` by node (number to use), ``held`` those that are left alone."""

    token: str
    addresses: Mapping[int, str]
    ports: Mapping[int, Mapping[int, PortUse]]
    held: Mapping[int, Mapping[int, PortUse]]


def hccl_base(profile: Profile) -> int:
    """Return the first HCCL host port, by the profile's environment."""
    value = profile.launch.env.get("HCCL_IF_BASE_PORT", "")
    return int(value) if value.isdecimal() and 1024 <= int(value) <= 65520 else HCCL_BASE


def make_plan(profile: Profile, facts: Mapping[int, NodeFacts], token: str | None = None) -> Plan:
    """Choose the ports: the deployment's, and two random ones nobody uses on any node."""
    launch = profile.launch
    base = hccl_base(profile)
    taken = {x.port for f in facts.values() for x in f.listeners}
    random = _random_ports(taken | {launch.port, launch.rpc_port, base})
    ports: dict[int, dict[int, PortUse]] = {}
    held: dict[int, dict[int, PortUse]] = {}
    for index in facts:
        wanted: dict[int, PortUse] = {base: "hccl", random[0]: "random", random[1]: "random"}
        if index == 0:
            wanted = {launch.port: "api", launch.rpc_port: "rpc", **wanted}
        busy = {x.port for x in facts[index].listeners}
        ports[index] = {p: use for p, use in wanted.items() if p not in busy}
        held[index] = {p: use for p, use in wanted.items() if p in busy}
    addresses = {i: profile.nodes[i].ip for i in facts}
    return Plan(token or secrets.token_hex(12), addresses, ports, held)


def _random_ports(taken: set[int]) -> tuple[int, int]:
    """Return a port below the kernel's usual ephemeral range, and one within it."""
    low = [p for p in range(20000, 32768) if p not in taken]
    high = [p for p in range(32768, 60000) if p not in taken]
    return secrets.choice(low), secrets.choice(high)


def reach_arguments(
    plan: Plan, index: int, container: str = "", seconds: float = SECONDS
) -> tuple[str, ...]:
    """Return the script's arguments for one node."""
    others = [i for i in plan.addresses if i != index]
    call = [f"{plan.addresses[i]}/{port}" for i in others for port in plan.ports[i]]
    listen = list(plan.ports[index])
    return (
        f"address={plan.addresses[index]}",
        f"token={plan.token}",
        f"seconds={seconds:g}",
        f"expected={len(others) * len(listen)}",
        f"listen={','.join(map(str, listen)) or '-'}",
        f"call={','.join(call) or '-'}",
        f"container={container}",
    )


def try_out(
    plan: Plan, index: int, connection: Runs, container: str = "", seconds: float = SECONDS
) -> str:
    """Run the script on one node; returns its output. RemoteError as the connection raises it."""
    args = reach_arguments(plan, index, container, seconds)
    return connection.run(reach_script(), *args, timeout=seconds + NETWORK_S).out


def merge(first: tuple[Reach, ...], second: tuple[Reach, ...]) -> tuple[Reach, ...]:
    """Join two tries: what was open once is open; else the second, more patient one counts."""
    later = {(r.source, r.target, r.port): r for r in second}
    return tuple(
        r if r.way in ("open", "held") else later.get((r.source, r.target, r.port), r)
        for r in first
    )


def read_results(plan: Plan, outputs: Mapping[int, str]) -> tuple[Reach, ...]:
    """Put the nodes' outputs together: a verdict for every port, from every other node."""
    said = {i: _words(text) for i, text in outputs.items()}
    found: list[Reach] = []
    for source in plan.addresses:
        for target in plan.addresses:
            if source != target:
                found += _between(plan, source, target, said)
    return tuple(found)


def _words(text: str) -> list[list[str]]:
    lines = text.replace("\r", "").split("\n")
    return [line.split()[1:] for line in lines if line.startswith("@@ ")]


def _between(
    plan: Plan, source: int, target: int, said: Mapping[int, Sequence[Sequence[str]]]
) -> list[Reach]:
    address = plan.addresses[target]
    calls = {w[2]: w for w in said.get(source, ()) if w[:2] == ["reach", address] and len(w) >= 4}
    listens = {w[1]: w for w in said.get(target, ()) if w[:1] == ["listen"] and len(w) >= 3}
    deaf = ["tool", "none"] in said.get(target, ())
    found = [Reach(source, target, port, use, "held") for port, use in plan.held[target].items()]
    for port, use in plan.ports[target].items():
        call, listen = calls.get(str(port)), listens.get(str(port))
        if call is None:
            way: Way = "failed"
            detail = "no_answer" if source in said else "no_script"
        else:
            way = call[3] if call[3] in _WAYS else "failed"  # type: ignore[assignment]
            detail = " ".join(call[5:])
        if way != "open" and listen is not None and listen[2] != "ok":
            way = "held" if listen[2] == "held" else "failed"
            detail = " ".join(listen[3:])
        elif way == "refused" and deaf:
            way = "deaf"
        millis = int(call[4]) if call and len(call) > 4 and call[4].isdecimal() else None
        found.append(Reach(source, target, port, use, way, millis, detail))
    return found
