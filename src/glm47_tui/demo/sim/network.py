"""NICs, addresses and routes of a node, and what ``ip``, /sys/class/net and hccn_tool say of them.

Answers lie in files; the stand-ins for ``ip`` and ``hccn_tool`` are shell scripts that print them,
because a probe calls hccn_tool fifty times.
"""

from __future__ import annotations

import os
from pathlib import Path

from glm47_tui.demo.sim.site import (
    NIC,
    SECOND_NIC,
    Site,
    loopback,
    second_ip,
    service_ip,
    unreachable,
    write,
)

NPUS = range(8)


def _mac(index: int, nic: int) -> str:
    return f"f4:de:af:00:{nic:02x}:{16 + index:02x}"


def render(site: Site) -> None:
    """Write all answers, as the faults of the node want them."""
    _ip(site)
    for npu in NPUS:
        _hccn(site, npu)


def _ip(site: Site) -> None:
    me, world = site.node.number, site.world()
    ip, second, gateway = site.ip, second_ip(me), f"192.168.{70 + me}.1"
    forever = r"\       valid_lft forever preferred_lft forever"
    lo = f"1: lo    inet 127.0.0.1/8 scope host lo{forever}\n"
    addr = (
        f"2: {NIC}    inet {ip}/24 brd 10.77.0.255 scope global noprefixroute {NIC}{forever}\n"
        f"3: {SECOND_NIC}    inet {second}/24 brd 192.168.{70 + me}.255 scope global "
        f"noprefixroute {SECOND_NIC}{forever}\n"
        f"4: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0{forever}\n"
    )
    route = (
        f"default via {gateway} dev {SECOND_NIC} proto static metric 101 \n"
        f"10.77.0.0/24 dev {NIC} proto kernel scope link src {ip} metric 100 \n"
        "172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown \n"
        f"192.168.{70 + me}.0/24 dev {SECOND_NIC} proto kernel scope link src {second} "
        "metric 101 \n"
    )
    folder = site.run / "ip"
    (folder / "get").mkdir(parents=True, exist_ok=True)
    # What a script compares this with has been translated: so is this.
    write(folder / "addr", lo + world.enter(addr))
    write(folder / "route", world.enter(route))
    for i in range(site.node.nodes):
        peer, peer_second = service_ip(i), second_ip(i)
        if i == me:
            lines = [f"local {a} dev lo src {a} uid 0 \\    cache <local> \n" for a in (ip, second)]
        else:
            lines = [
                f"{peer} dev {NIC} src {ip} uid 0 \\    cache \n",
                f"{peer_second} via {gateway} dev {SECOND_NIC} src {second} uid 0 \\    cache \n",
            ]
        for address, line in zip((peer, peer_second), lines, strict=True):
            write(folder / "get" / world.enter(address), world.enter(line))
        # The route does not change with the peer's firewall, but the name it is asked by does.
        for name in (loopback(site.node.prefix, i), unreachable(site.node.prefix, i)):
            write(folder / "get" / name, world.enter(lines[0]).replace(world.enter(peer), name))


def sysfs(site: Site) -> None:
    """Make /sys/class/net: the service NIC of 100 Gbit/s, the management NIC, docker0, lo."""
    me = site.node.number
    nics = {
        NIC: ("pci0000:40/0000:43:00.0", "up", "1", "100000", "1500", _mac(me, 1), "hns3"),
        SECOND_NIC: ("pci0000:80/0000:bd:00.0", "up", "1", "1000", "1500", _mac(me, 2), "hns3"),
        "docker0": ("virtual", "down", "0", "-1", "1500", _mac(me, 3), ""),
        "lo": ("virtual", "unknown", "1", "", "65536", "00:00:00:00:00:00", ""),
    }
    listed = site.fs / "sys/class/net"
    listed.mkdir(parents=True, exist_ok=True)
    for name, (bus, state, carrier, speed, mtu, mac, driver) in nics.items():
        real = site.fs / "sys/devices" / bus / "net" / name
        real.mkdir(parents=True, exist_ok=True)
        values = {"operstate": state, "carrier": carrier, "mtu": mtu, "address": mac}
        if speed:
            values["speed"] = speed
        for key, value in values.items():
            (real / key).write_text(value + "\n")
        if driver:
            target = site.fs / "sys/bus/pci/drivers" / driver
            target.mkdir(parents=True, exist_ok=True)
            (real / "device").mkdir(exist_ok=True)
            _link(real / "device/driver", target)
        if name == "docker0":
            (real / "bridge").mkdir(exist_ok=True)
        _link(listed / name, real)


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(target, link.parent))


def device_ip(index: int, npu: int) -> str:
    """Return the RoCE address of an NPU."""
    return f"172.22.0.{1 + 8 * index + npu}"


def hccn_conf(index: int) -> str:
    """Return the text of /etc/hccn.conf."""
    lines = []
    for npu in NPUS:
        lines += [
            f"address_{npu}={device_ip(index, npu)}", f"netmask_{npu}=255.255.255.0",
            f"netdetect_{npu}=172.22.0.254", f"gateway_{npu}=172.22.0.254",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _hccn(site: Site, npu: int) -> None:
    me = site.node.number
    down = site.fault("link-down")
    up = down is None or str(npu) not in down.replace(",", " ").split()
    tls = 0 if site.fault("tls-differs") is None else 1
    answers = {
        "ip": f"ipaddr:{device_ip(me, npu)}\nnetmask:255.255.255.0\n",
        "link": f"link status: {'UP' if up else 'DOWN'}\n",
        "net_health": f"net health status: {'Success' if up else 'Fault'}\n",
        "netdetect": "netdetect address: 172.22.0.254\n",
        "gateway": f"default gateway:172.22.0.254, Iface:eth{npu}\n",
        "tls": f"dev_id:{npu}, tls switch[{tls}](0:disable, 1:enable), "
        "tls preconfigured[1](0:non-preset, 1:preset), tls alarm time threshold[60]days\n",
        "lldp": f"System Name TLV\n\tsimulated-switch\n\tIfname: 400GE1/{me + 1}/{npu + 1}:1\n"
        if up
        else "",
    }
    folder = site.run / "hccn" / str(npu)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in answers.items():
        write(folder / name, text)
    # A packet arrives where the port at the other end is up.
    fabric = Path(site.node.home) / "fabric"
    fabric.mkdir(exist_ok=True)
    port = fabric / device_ip(me, npu)
    if up:
        port.touch()
    else:
        port.unlink(missing_ok=True)
