"""The lab's networks: one namespace with the bridges, one namespace a host, veth pairs between."""

from __future__ import annotations

import subprocess

from tests.lab.kit.layout import GATEWAY, HOSTS, NETNS, Layout


def _batch(netns: str | None, lines: list[str]) -> None:
    """Run ``ip`` commands in one process; the first that fails stops the rest."""
    where = ["ip", *(["-n", netns] if netns else []), "-batch", "-"]
    done = subprocess.run(
        where, input="\n".join(lines) + "\n", text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"ip in {netns or 'this machine'}: {done.stderr.strip()}")


def make(layout: Layout) -> None:
    """Make all namespaces, bridges and cables."""
    _batch(None, [f"netns add {name}" for name in layout.all_netns])
    bridges = sorted({nic.bridge for host in HOSTS for nic in host.nics})
    lines = []
    for bridge in bridges:
        lines += [f"link add {bridge} type bridge", f"link set {bridge} up"]
    for host in HOSTS:
        for i, nic in enumerate(host.nics):
            plug = f"{host.name}-{i}"
            lines += [
                f"link add {plug} type veth peer name {nic.name} netns {layout.netns(host.name)}",
                f"link set {plug} master {nic.bridge}",
                f"link set {plug} up",
            ]
    _batch(layout.switch, lines)
    for host in HOSTS:
        lines = ["link set lo up"]
        for nic in host.nics:
            lines += [f"addr add {nic.cidr} dev {nic.name}", f"link set {nic.name} up"]
        if host.role == "node":
            # As in a data centre there is a way out, by the service NIC; nothing answers there.
            lines.append(f"route add default via {GATEWAY} dev {host.nics[0].name}")
        _batch(layout.netns(host.name), lines)


def plug(layout: Layout, host: str, index: int, *, up: bool) -> None:
    """Pull a host's cable out of the bridge, or put it back."""
    _batch(layout.switch, [f"link set {host}-{index} {'up' if up else 'down'}"])


def isolate(layout: Layout, hosts: list[str], *, on: bool) -> None:
    """Keep hosts from reaching each other by their first NIC, as a switch rule does."""
    state = "on" if on else "off"
    lines = [f"link set {name}-0 type bridge_slave isolated {state}" for name in hosts]
    _batch(layout.switch, lines)


def pids(netns: str) -> list[int]:
    """Processes in a namespace; none when it does not exist."""
    if not (NETNS / netns).exists():
        return []
    done = subprocess.run(
        ["ip", "netns", "pids", netns], capture_output=True, text=True, check=False
    )
    return [int(p) for p in done.stdout.split()]


def remove(layout: Layout) -> list[str]:
    """Delete the namespaces (cables and bridges go with them); returns what could not go."""
    left = []
    for name in layout.all_netns:
        if not (NETNS / name).exists():
            continue
        done = subprocess.run(
            ["ip", "netns", "delete", name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            left.append(f"{name}: {done.stderr.strip()}")
    return left
