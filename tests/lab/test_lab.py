"""The lab itself: it isolates, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.lab.kit import host as hosts
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import BOOTED, CONTAINER, IMAGE, NODES, Layout


def _connects(lab: Lab, where: str, ip: str, port: int) -> bool:
    script = f"exec 3<>/dev/tcp/{ip}/{port}"
    return lab.run(where, f"timeout 2 bash -c '{script}'", check=False).returncode == 0


def test_the_desk_reaches_the_jump_host_alone(lab: Lab) -> None:
    assert _connects(lab, "desk", "10.78.0.2", 22)
    for node in NODES:
        assert not _connects(lab, "desk", node.ip, 22)
        assert _connects(lab, "jump", node.ip, 22)


def test_nodes_reach_each_other_by_the_service_nic_alone(lab: Lab) -> None:
    assert _connects(lab, "node0", "10.77.0.11", 22)
    assert _connects(lab, "node1", "10.77.0.10", 22)
    assert not _connects(lab, "node0", "10.79.1.11", 22)
    assert not _connects(lab, "node1", "10.79.0.10", 22)


def test_a_node_sees_nothing_of_this_machine(lab: Lab) -> None:
    nics = lab.run("node0", "ls /sys/class/net").stdout.split()
    assert sorted(nics) == ["enp67s0f4", "enp67s0f5", "lo"]
    assert lab.run("node0", "hostname").stdout.strip() == "node0"
    checkout = Path(__file__).parents[2]
    assert lab.run("node0", f"ls -d {checkout}", check=False).returncode != 0
    assert lab.run("node0", "docker ps -aq").stdout == ""


def test_all_nodes_hold_the_same_image(lab: Lab) -> None:
    ids = {lab.run(n.name, f"docker image inspect -f '{{{{.Id}}}}' {IMAGE}").stdout for n in NODES}
    assert len(ids) == 1


def _wreck(it: Lab) -> subprocess.Popen[bytes]:
    """A container and a shell of a stranger run on it, and half of it is killed."""
    it.run("node0", f"docker run -d --net=host --name {CONTAINER} {IMAGE} sleep 600")
    stray = subprocess.Popen([*hosts.inside(it.layout, NODES[0]), "sleep", "600"])
    pid = hosts.init_pid(it.layout, NODES[1])
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert it.leftovers()
    return stray


def test_up_and_down_clear_even_a_lab_that_is_half_killed(prepared: None) -> None:
    it = Lab(Layout("wreck"))
    try:
        it.up()
        it.run("node1", "touch /opt/data/old")
        stray = _wreck(it)
        it.up()
        stray.wait(10)
        assert it.run("node1", "ls /opt/data/old", check=False).returncode != 0
        assert it.run("node0", "docker ps -aq").stdout == ""
        assert [line.split(",")[0] for line in it.status().values()] == ["up"] * (len(BOOTED) + 1)
        stray = _wreck(it)
    finally:
        left = it.down()
    stray.wait(10)
    assert left == []
    assert it.leftovers() == []
    mounts = Path("/proc/self/mountinfo").read_text()
    assert str(it.layout.run) not in mounts
