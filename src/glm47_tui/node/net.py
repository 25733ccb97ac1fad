"""Parsers of the network probes: ``ip -o addr``, ``ip route``, /sys/class/net."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from glm47_tui.node.text import clean, to_int

_INTERNAL = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "tunl", "kube")


@dataclass(frozen=True)
class Address:
    """One IP address of a NIC: ``10.77.0.10`` with prefix length 24, in ``scope`` global."""

    ip: str
    prefix: int
    family: int
    scope: str = "global"

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The subnet the address is in."""
        return ipaddress.ip_network(f"{self.ip}/{self.prefix}", strict=False)


@dataclass(frozen=True)
class Nic:
    """One network interface.

    ``speed_mbps`` is Mbit/s, None when the driver gives none (virtual NICs, no link). ``up`` is
    the operational state. ``virtual`` marks what has no hardware of its own (``bond``: a bond of
    such that have); ``master`` names the bond or bridge it belongs to.
    """

    name: str
    up: bool = False
    speed_mbps: int | None = None
    mtu: int | None = None
    mac: str = ""
    virtual: bool = False
    bridge: bool = False
    bond: bool = False
    master: str | None = None
    driver: str | None = None
    addresses: tuple[Address, ...] = ()

    @property
    def internal(self) -> bool:
        """Whether it can never carry traffic between hosts: loopback, Docker and VM bridges."""
        return self.name == "lo" or self.name.startswith(_INTERNAL)

    @property
    def ipv4(self) -> tuple[str, ...]:
        """The IPv4 addresses, in the kernel's order."""
        return tuple(a.ip for a in self.addresses if a.family == 4)


@dataclass(frozen=True)
class Route:
    """One line of the routing table; ``destination`` is ``default`` or a subnet."""

    destination: str
    nic: str
    gateway: str | None = None
    source: str | None = None
    metric: int = 0


@dataclass(frozen=True)
class PeerRoute:
    """How the kernel would send to ``peer``: by which NIC and from which of its addresses.

    ``error`` holds the kernel's words when there is no way.
    """

    peer: str
    nic: str | None = None
    source: str | None = None
    gateway: str | None = None
    local: bool = False
    error: str | None = None


@dataclass
class _Building:
    values: dict[str, str] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)


def _address(words: list[str]) -> Address | None:
    """Read ``inet 10.0.0.1/24 ... scope global ...``."""
    for i, word in enumerate(words[:-1]):
        if word not in ("inet", "inet6"):
            continue
        try:
            found = ipaddress.ip_interface(words[i + 1])
        except ValueError:
            return None
        scope = words[words.index("scope") + 1] if "scope" in words[:-1] else "global"
        return Address(str(found.ip), found.network.prefixlen, found.version, scope)
    return None


def parse_nics(addr: str, nic: str = "") -> tuple[Nic, ...]:
    """Join ``ip -o addr show`` with the probe's ``nic NAME key=value ...`` lines.

    NICs come in the order of ``ip``; those without an address follow.
    """
    built: dict[str, _Building] = {}
    for line in clean(addr).splitlines():
        words = line.replace("\\", " ").split()
        if len(words) < 4 or not words[0].endswith(":"):
            continue
        name = words[1].rstrip(":").partition("@")[0]
        entry = built.setdefault(name, _Building())
        if (address := _address(words[2:])) is not None:
            entry.addresses.append(address)
    for line in clean(nic).splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nic":
            continue
        pairs = dict(word.partition("=")[::2] for word in words[2:])
        built.setdefault(words[1], _Building()).values.update(pairs)
    return tuple(_nic(name, entry) for name, entry in built.items())


def _nic(name: str, entry: _Building) -> Nic:
    values = entry.values
    speed = to_int(values.get("speed"))
    state = values.get("operstate")
    # Loopback and some drivers say "unknown"; a carrier or an address then counts.
    up = state == "up" or (state in (None, "unknown") and values.get("carrier", "1") == "1")
    return Nic(
        name=name,
        up=up,
        speed_mbps=speed if speed and speed < 10_000_000 else None,
        mtu=to_int(values.get("mtu")),
        mac=values.get("address", ""),
        virtual=values.get("virtual") == "1",
        bridge=values.get("bridge") == "1",
        bond=values.get("bond") == "1",
        master=values.get("master"),
        driver=values.get("driver"),
        addresses=tuple(entry.addresses),
    )


def _after(words: list[str], key: str) -> str | None:
    return words[words.index(key) + 1] if key in words[:-1] else None


def parse_routes(text: str) -> tuple[tuple[Route, ...], tuple[PeerRoute, ...]]:
    """Read ``ip route show`` lines, then ``@get PEER`` with ``ip -o route get`` lines after it."""
    routes: list[Route] = []
    peers: dict[str, PeerRoute] = {}
    peer: str | None = None
    for line in clean(text).splitlines():
        words = line.replace("\\", " ").split()
        if not words:
            continue
        if words[0] == "@get" and len(words) > 1:
            peer = words[1]
            peers[peer] = PeerRoute(peer, error="")
        elif peer is not None:
            if not peers[peer].nic:
                peers[peer] = _peer_route(peer, line, words)
        elif (nic := _after(words, "dev")) is not None:
            metric = to_int(_after(words, "metric")) or 0
            routes.append(Route(words[0], nic, _after(words, "via"), _after(words, "src"), metric))
    return tuple(routes), tuple(peers.values())


def _peer_route(peer: str, line: str, words: list[str]) -> PeerRoute:
    nic = _after(words, "dev")
    if nic is None:
        return PeerRoute(peer, error=line.strip())
    source = _after(words, "src")
    return PeerRoute(peer, nic, source, _after(words, "via"), local=words[0] == "local")


def nic_of(nics: Iterable[Nic], ip: str) -> Nic | None:
    """Return the NIC that carries an address, None when none does."""
    return next((nic for nic in nics if any(a.ip == ip for a in nic.addresses)), None)
