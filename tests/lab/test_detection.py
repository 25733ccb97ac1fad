"""Detection: what the probe says of a node equals what the node really has, field by field.

The truth comes from past the product: from the lab's layout, and from the hosts' own tools.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import faults
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import IMAGE, MODEL_PATH, NODES, Host
from tests.lab.kit.tool import Tool

LOOK = """
import dataclasses, json, sys
from glm47_tui.node import probe_all, propose
from glm47_tui.profile import load
from glm47_tui.remote import connect
from glm47_tui.remote.api import Nobody

profile = load(sys.argv[1])
fleet = connect(profile, Nobody())
facts, failures = probe_all(fleet, profile, patient=True)
fleet.close()
assert not failures, failures
print(json.dumps({i: dataclasses.asdict(f) for i, f in facts.items()}, default=str))
"""
Facts = dict[str, Any]


def facts_of(tool: Tool, profile: Path) -> dict[str, Facts]:
    words = [*tool.lab.desk(), sys.executable, "-c", LOOK, str(profile)]
    done = subprocess.run(words, env=tool.environment(), capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def said(lab: Lab, node: Host, command: str) -> str:
    return lab.run(node.name, command).stdout.strip()


@pytest.fixture
def seen(lab: Lab, tool: Tool, profile: ProfileMaker) -> dict[str, Facts]:
    faults.change(lab, "node1", ["alarm=3", "link_down=5", "tls=1"])
    return facts_of(tool, profile())


def test_facts_are_what_the_nodes_have(lab: Lab, seen: dict[str, Facts]) -> None:
    assert sorted(seen) == ["0", "1"]
    for index, node in enumerate(NODES):
        facts = seen[str(index)]
        assert facts["complete"] and not facts["timed_out"], facts["timed_out"]
        host_facts(lab, node, facts)
        network(lab, node, facts)
        npus(index, facts)
        docker(lab, node, facts)
        model(lab, node, facts)


def host_facts(lab: Lab, node: Host, facts: Facts) -> None:
    system = facts["system"]
    assert system["hostname"] == node.name
    assert system["kernel"] == said(lab, node, "uname -r")
    assert system["arch"] == said(lab, node, "uname -m")
    assert system["uid"] == 0
    assert system["cpus"] == int(said(lab, node, "nproc"))
    assert system["os_name"] in said(lab, node, "cat /etc/os-release")
    kilobytes = int(said(lab, node, "awk '/^MemTotal/ {print $2}' /proc/meminfo"))
    assert facts["memory"]["total"] == kilobytes * 1024
    shm = int(said(lab, node, "df -Pk /dev/shm | awk 'NR == 2 {print $2}'"))
    assert facts["shm_bytes"] == shm * 1024
    for key in ("kernel/pid_max", "net/ipv4/ip_local_port_range"):
        assert facts["limits"][key].split() == said(lab, node, f"cat /proc/sys/{key}").split()
    disk = next(d for d in facts["disks"] if d["path"] == "/opt/data")
    assert disk["writable"] is True
    assert disk["total"] == 1024 * int(said(lab, node, "df -Pk /opt/data | awk 'NR==2 {print $2}'"))
    # One machine: no clock differs by more than the way there and back blurs it.
    clock = facts["clock"]
    assert abs(clock["offset_s"]) <= clock["uncertainty_s"] + 0.5
    assert next(x["process"] for x in facts["listeners"] if x["port"] == 22) == "sshd"
    assert facts["processes"] == []


def network(lab: Lab, node: Host, facts: Facts) -> None:
    found = {n["name"]: n for n in facts["nics"]}
    for nic in node.nics:
        have = found[nic.name]
        addresses = [f"{a['ip']}/{a['prefix']}" for a in have["addresses"] if ":" not in a["ip"]]
        assert addresses == [nic.cidr]
        assert have["mtu"] == int(said(lab, node, f"cat /sys/class/net/{nic.name}/mtu"))
        assert have["mac"] == said(lab, node, f"cat /sys/class/net/{nic.name}/address")
    (peer,) = [n for n in NODES if n is not node]
    (way,) = facts["peer_routes"]
    assert (way["peer"], way["nic"], way["source"]) == (peer.ip, node.nics[0].name, node.ip)


def npus(index: int, facts: Facts) -> None:
    table = facts["npu"]
    assert table["version"] == "25.2.1"
    assert [n["id"] for n in table["npus"]] == list(range(8))
    assert {n["name"] for n in table["npus"]} == {"910B2"}
    assert {n["hbm_total_mb"] for n in table["npus"]} == {65536}
    ill = {n["id"]: n["health"] for n in table["npus"] if n["health"] != "OK"}
    assert ill == ({3: "Alarm"} if index else {})
    assert facts["driver"]["version"] == "25.2.1"
    assert facts["driver"]["firmware"] == "7.7.0.6.236"
    ports = {p["npu"]: p for p in facts["hccn"]}
    assert {n: p["ip"] for n, p in ports.items()} == {
        n: f"10.20.0.{10 + 8 * index + n}" for n in range(8)
    }
    assert {p["netmask"] for p in ports.values()} == {"255.255.255.0"}
    assert {p["gateway"] for p in ports.values()} == {"10.20.0.1"}
    assert [n for n, p in ports.items() if p["link"] == "DOWN"] == ([5] if index else [])
    assert {p["health"] for n, p in ports.items() if n != 5} == {"Success"}
    assert {bool(p["tls"]) for p in ports.values()} == {bool(index)}
    saved = {int(n): a for n, a in facts["hccn_conf"]["address"].items()}
    assert saved == {n: p["ip"] for n, p in ports.items()}
    devices = facts["devices"]
    assert devices["davinci"] == list(range(8))
    assert devices["manager"] and devices["devmm_svm"] and devices["hisi_hdc"]


def docker(lab: Lab, node: Host, facts: Facts) -> None:
    assert facts["docker"]["server"] == said(lab, node, "docker version -f '{{.Server.Version}}'")
    assert facts["image"]["id"] == said(lab, node, f"docker image inspect -f '{{{{.Id}}}}' {IMAGE}")
    assert facts["container"] is None
    assert facts["containers"] == []


def model(lab: Lab, node: Host, facts: Facts) -> None:
    folder = facts["model"]
    assert folder["path"] == MODEL_PATH and folder["exists"]
    listing = said(lab, node, f"cd {MODEL_PATH} && stat -c '%n %s' *.safetensors *.json")
    sizes = {name: int(size) for name, size in re.findall(r"(\S+) (\d+)", listing)}
    assert {name: folder["sizes"][name] for name in sizes} == sizes
    index = json.loads(said(lab, node, f"cat {MODEL_PATH}/model.safetensors.index.json"))
    assert folder["total_size"] == index["metadata"]["total_size"]
    assert sorted(folder["shards"]) == sorted(set(index["weight_map"].values()))
