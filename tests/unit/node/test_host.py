"""What hosts say of themselves: disks, ports, firewall, processes, NICs, routes."""

from __future__ import annotations

import pytest

from glm47_tui.node.host import (
    parse_disks,
    parse_firewall,
    parse_listeners,
    parse_memory,
    parse_mounts,
    parse_processes,
    parse_system,
)
from glm47_tui.node.net import nic_of, parse_nics, parse_routes

ID = "c0ffee" * 10 + "beef"


def test_system_and_memory() -> None:
    system = parse_system(
        'kernel 5.10.0\narch aarch64\nhostname atlas0\nuid 0\ncpus 192\nuptime 1.5\nID="openEuler"'
    )
    assert (system.arch, system.cpus, system.root, system.os_id) == (
        "aarch64", 192, True, "openEuler",
    )  # fmt: skip
    memory = parse_memory("MemTotal:  10 kB\nMemAvailable:  4 kB\nSwapTotal: 0 kB")
    assert (memory.total, memory.available, memory.swap_total) == (10240, 4096, 0)
    assert parse_memory("MemTotal:\n: \n").total is None


def test_a_disk_that_is_there_and_one_that_will_be_made() -> None:
    there, later = parse_disks(
        "@disk /opt/data\t/opt/data\text4\n/dev/sdb1 100 40 60 40% /opt/data\n"
        "/dev/sdb1 1000 1 999 1% /opt/data\nwritable\n"
        "@disk /opt/data/m\t/opt\txfs\n/dev/sda1 100 40 60 40% /with blank\n"
    )
    assert (there.exists, there.writable, there.free, there.inodes_free) == (
        True, True, 60 * 1024, 999,
    )  # fmt: skip
    assert (later.exists, later.writable, later.mount) == (False, False, "/with blank")
    # Over NFS df takes no answer: nothing is known, and nothing breaks.
    (dead,) = parse_disks("@disk /nfs\t/nfs\t")
    assert (dead.free, dead.mount) == (None, "")


def test_mounts_leave_out_what_is_no_disk() -> None:
    found = parse_mounts(
        "Filesystem Type 1024-blocks Used Available Capacity Mounted on\n"
        "tmpfs tmpfs 10 0 10 0% /run\n/dev/sda1 ext4 100 50 50 50% /\n"
        "overlay overlay 100 0 100 0% /var/lib/docker/overlay2/x/merged\n"
        "/dev/nvme0n1 xfs 9000 0 9000 0% /data one\n"
    )
    assert [d.path for d in found] == ["/data one", "/"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("python3",pid=42,fd=3))',
         ("0.0.0.0", 8080, "python3", 42)),
        ('LISTEN 0 4096 [::]:8082 [::]:* users:(("VLLM::EngineCor",pid=43,fd=3),("x",pid=9,fd=1))',
         ("::", 8082, "VLLM::EngineCor", 43)),
        ("LISTEN 0 128 127.0.0.53%lo:53 0.0.0.0:*", ("127.0.0.53", 53, "", None)),
        ("LISTEN 0 128 *:22 *:*", ("*", 22, "", None)),
        ("tcp  0  0 10.0.0.1:22  0.0.0.0:*  LISTEN  812/sshd: /usr/sbin", ("10.0.0.1", 22,
                                                                         "sshd:", 812)),
        ("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000", ("127.0.0.1", 8080,
                                                                                "", None)),
        ("   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A",
         ("::", 22, "", None)),
    ],
)  # fmt: skip
def test_listeners_by_ss_netstat_and_the_kernel(line: str, expected: tuple) -> None:
    (found,) = parse_listeners(line)
    assert (found.address, found.port, found.process, found.pid) == expected


def test_a_listener_knows_its_container() -> None:
    (found,) = parse_listeners(
        f'LISTEN 0 1 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=1))\n@owner 7 {ID}'
    )
    assert found.container == ID


@pytest.mark.parametrize("line", ["LISTEN 0 1 0.0.0.0:99999 x", "LISTEN", "tcp LISTEN a b c", "0A"])
def test_lines_that_are_no_listeners_are_left_out(line: str) -> None:
    assert parse_listeners(line) == ()


def test_firewalls() -> None:
    wall = parse_firewall(
        "service firewalld active\nservice ufw inactive\nselinux Enforcing\n-P INPUT ACCEPT\n"
        "-A INPUT -s 10.0.0.1/32 -j REJECT"
    )
    assert (wall.active, wall.selinux, wall.drops, wall.nft_drops) == (
        ("firewalld",), "Enforcing", True, False,
    )  # fmt: skip
    assert parse_firewall("type filter hook input priority filter; policy drop;").nft_drops
    assert not parse_firewall("-P INPUT ACCEPT").drops


def test_processes_keep_their_container_and_their_command() -> None:
    text = f"7\tVLLM::Worker\troot\t4\t{ID}\tpython -m vllm --a b\n8\tray\troot\tx\t-\tray start\n9"
    first, second = parse_processes(text)
    assert (first.container, first.command, first.rss_kb) == (ID, "python -m vllm --a b", 4)
    assert (second.container, second.rss_kb) == (None, 0)


def test_nics_with_and_without_address_bonds_and_vlans() -> None:
    nics = parse_nics(
        "1: lo    inet 127.0.0.1/8 scope host lo\n"
        "2: bond0.100@bond0    inet 10.77.0.10/24 brd 10.77.0.255 scope global bond0.100\n"
        "2: bond0.100@bond0    inet6 fe80::1/64 scope link \\ valid_lft forever\n"
        "3: bad    inet not-an-address scope global bad\n",
        "nic bond0.100 operstate=up carrier=1 speed=25000 mtu=9000 address=aa:bb virtual=1\n"
        "nic enp1s0 operstate=up carrier=1 speed=-1 mtu=1500 virtual=0 master=bond0 driver=hns3\n"
        "nic local1 operstate=down carrier=- speed=- mtu=1500 virtual=0\n"
        "nic wg0 operstate=unknown carrier=1 mtu=1420 virtual=1\nnic\n",
    )
    by_name = {n.name: n for n in nics}
    vlan = by_name["bond0.100"]
    assert (vlan.ipv4, vlan.speed_mbps, vlan.mtu, vlan.up) == (("10.77.0.10",), 25000, 9000, True)
    member = by_name["enp1s0"]
    assert (member.master, member.driver, member.speed_mbps) == ("bond0", "hns3", None)
    assert (by_name["local1"].up, by_name["local1"].internal) == (False, False)
    assert by_name["lo"].internal
    assert by_name["wg0"].up
    assert by_name["bad"].addresses == ()
    assert nic_of(nics, "10.77.0.10") is vlan
    assert str(vlan.addresses[0].network) == "10.77.0.0/24"


def test_routes_to_peers_by_another_nic_by_a_gateway_local_and_none() -> None:
    routes, peers = parse_routes(
        "default via 192.168.5.1 dev enp1s0 proto dhcp metric 100\n"
        "10.77.0.0/24 dev enp67s0f5 proto kernel scope link src 10.77.0.10\n"
        "@get 10.77.0.11\n10.77.0.11 dev enp67s0f5 src 10.77.0.10 uid 0 \\    cache\n"
        "@get 10.9.0.1\n10.9.0.1 via 192.168.5.1 dev enp1s0 src 192.168.5.10\n"
        "@get 10.77.0.10\nlocal 10.77.0.10 dev lo src 10.77.0.10\n"
        "@get 10.8.0.1\nRTNETLINK answers: Network is unreachable\n@get 10.8.0.2"
    )
    assert [(r.destination, r.nic, r.gateway, r.metric) for r in routes] == [
        ("default", "enp1s0", "192.168.5.1", 100), ("10.77.0.0/24", "enp67s0f5", None, 0),
    ]  # fmt: skip
    near, far, own, none, silent = peers
    assert (near.nic, near.source, near.gateway) == ("enp67s0f5", "10.77.0.10", None)
    assert (far.nic, far.gateway) == ("enp1s0", "192.168.5.1")
    assert own.local
    assert (none.nic, none.error) == (None, "RTNETLINK answers: Network is unreachable")
    assert (silent.nic, silent.error) == (None, "")
