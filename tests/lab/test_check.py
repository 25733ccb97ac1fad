"""What is wrong with a node is found before anything is started, and named rightly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import faults, net
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import IMAGE, MODEL_PATH
from tests.lab.kit.tool import Outcome, Tool

Finding = dict[str, Any]


def check(tool: Tool, profile: Path, *more: str) -> tuple[Outcome, list[Finding]]:
    """Run the checks; every finding that is not fine, the worst first."""
    outcome = tool.run("check", str(profile), "--json", *more)
    assert outcome.out.lstrip().startswith("["), outcome.said
    findings = [f for f in json.loads(outcome.out) if f["severity"] != "ok"]
    return outcome, sorted(findings, key=lambda f: f["severity"] != "blocker")


def found(findings: list[Finding], check_id: str, node: int | None = None) -> Finding:
    """The finding of that check (on that node); AssertionError with all findings otherwise."""
    for finding in findings:
        if finding["check"] == check_id and (node is None or finding["node"] == node):
            return finding
    raise AssertionError(f"no {check_id} on {node}: {[f['key'] for f in findings]}")


def blockers(findings: list[Finding]) -> set[str]:
    """Keys of what stops a deployment."""
    return {f["key"] for f in findings if f["severity"] == "blocker"}


def test_healthy_nodes_have_no_blocker(tool: Tool, profile: ProfileMaker) -> None:
    outcome, findings = check(tool, profile())
    assert outcome.exit_code == 0, outcome.said
    assert not blockers(findings)
    assert not [f["key"] for f in findings if f["severity"] == "unknown"]


def test_wrong_nic_with_the_right_address(tool: Tool, profile: ProfileMaker) -> None:
    outcome, findings = check(tool, profile('nodes.1.nic="enp67s0f4"'))
    finding = found(findings, "net.address", 1)
    assert outcome.exit_code == 4
    assert "enp67s0f5" in finding["fix"]
    assert blockers(findings) == {"net.address@node1"}


def test_second_nic_that_leads_nowhere(tool: Tool, profile: ProfileMaker) -> None:
    """Found before a long wait for a peer that cannot come; nothing is started."""
    wrong = profile('nodes.1.nic="enp67s0f4"', 'nodes.1.ip="10.79.1.11"')
    outcome = tool.replay(wrong)
    assert outcome.exit_code == 4, outcome.said
    findings = [e for e in outcome.events if e["event"] == "Finding"]
    wrong_nic = found(findings, "net.subnet", 1)
    assert "enp67s0f4 (10.79.1.11)" in wrong_nic["found"]
    assert 'nic = "enp67s0f5" and ip = "10.77.0.11"' in wrong_nic["fix"]
    named = found(findings, "reach.rpc")
    assert named["severity"] == "blocker"
    assert "enp67s0f5" in named["fix"]
    assert tool.lab.run("node1", "docker ps -aq; ls /opt/data").stdout.split() == ["verification"]


@pytest.mark.parametrize(
    ("told", "named"),
    [
        (
            ["alarm=3", "link_down=5", "tls=1", "busy=2:4242:python:30000"],
            {"npu.health": "NPU 3", "hccn.link": "NPU 5", "hccn.tls": "TLS", "npu.busy": "python",
             "hccn.ping": "NPU 5"},
        ),
        (["hbm=20000"], {"npu.busy": "HBM"}),
        (["driver=missing"], {"npu.tool": "-8005"}),
    ],
)  # fmt: skip
def test_a_faulty_node_is_named(
    tool: Tool, profile: ProfileMaker, told: list[str], named: dict[str, str]
) -> None:
    faults.change(tool.lab, "node1", told)
    outcome, findings = check(tool, profile())
    assert outcome.exit_code == 4, outcome.said
    for check_id, words in named.items():
        node = None if check_id == "hccn.ping" else 1
        finding = found(findings, check_id, node)
        assert finding["severity"] == "blocker"
        assert words in finding["found"]
    assert {key for key in blockers(findings) if "@node0" in key} == set()


def test_a_stranger_on_an_npu_is_named_by_process_container_and_user(
    tool: Tool, profile: ProfileMaker, lab: Lab
) -> None:
    """Two real processes on node 1: one in somebody else's container, one of a user's own."""
    lab.run("node1", f"docker run -d --name trainer --net=host {IMAGE} python3 -c "
                     "'import time; time.sleep(600)'")  # fmt: skip
    try:
        inside = lab.run("node1", "docker inspect -f '{{.State.Pid}}' trainer").stdout.strip()
        faults.change(lab, "node1", [f"busy=2:{inside}:python3:30000"])
        outcome, findings = check(tool, profile(), "--only", "npu")
        assert outcome.exit_code == 4
        assert blockers(findings) == {"npu.busy@node1"}
        stranger = found(findings, "npu.busy", 1)
        assert f"NPU 2: python3 (pid {inside}, user root, container trainer)" in stranger["found"]
        assert f"-p {inside}" in stranger["command"]
    finally:
        lab.run("node1", "docker rm -f trainer")
    sleeper = "runuser -u ops -- sleep 600 >/dev/null 2>&1 & pgrep -n -u ops -x sleep"
    outside = lab.run("node1", f"{sleeper} || (sleep 1; pgrep -n -u ops -x sleep)").stdout.strip()
    try:
        faults.change(lab, "node1", [f"busy=7:{outside}:sleep:20000"])
        _, findings = check(tool, profile(), "--only", "npu.busy")
        stranger = found(findings, "npu.busy", 1)
        assert f"NPU 7: sleep (pid {outside}, user ops)" in stranger["found"]
    finally:
        lab.run("node1", f"kill {outside}")


def test_a_slow_npu_smi_is_waited_for(tool: Tool, profile: ProfileMaker) -> None:
    faults.change(tool.lab, "node1", ["slow=5"])
    outcome, findings = check(tool, profile())
    assert outcome.exit_code == 0, outcome.said
    assert "npu.health@node1" not in {f["key"] for f in findings}


def test_a_dead_npu_smi_is_named(tool: Tool, profile: ProfileMaker) -> None:
    faults.change(tool.lab, "node1", ["slow=3600"])
    _, findings = check(tool, profile())  # waited for, this would be an hour
    named = found(findings, "npu.tool", 1)
    assert "npu.tool" not in {f["check"] for f in findings if f["node"] == 0}
    assert named["severity"] in ("blocker", "unknown"), named
    hangs = tool.lab.run("node1", "pgrep -af '[n]pu-smi'; true").stdout
    assert hangs == "", "what hung was ended"


def test_a_switch_that_keeps_the_nodes_apart(tool: Tool, profile: ProfileMaker, lab: Lab) -> None:
    """The jump host still reaches both."""
    net.isolate(lab.layout, ["node0", "node1"], on=True)
    try:
        outcome, findings = check(tool, profile())
    finally:
        net.isolate(lab.layout, ["node0", "node1"], on=False)
    assert outcome.exit_code == 4
    assert found(findings, "reach.rpc", 0)["severity"] == "blocker"
    assert found(findings, "reach.random", 1)["severity"] == "blocker"


def test_missing_weights_and_a_missing_image(tool: Tool, profile: ProfileMaker, lab: Lab) -> None:
    shard = lab.run("node1", f"ls {MODEL_PATH}/*.safetensors | tail -n 1").stdout.strip()
    lab.run("node1", f"mv {shard} /opt/data/aside")
    lab.run("node0", f"docker tag {IMAGE} aside:1 && docker rmi {IMAGE}")
    try:
        _, findings = check(tool, profile())
        assert Path(shard).name in json.dumps(found(findings, "model.complete", 1))
        image = found(findings, "docker.image", 0)  # not a fault: it will be pulled
        dry = tool.run("replay", str(profile()), "--dry-run", "--no-check", "--json")
    finally:
        lab.run("node1", f"mv /opt/data/aside {shard}")
        lab.run("node0", f"docker tag aside:1 {IMAGE} && docker rmi aside:1")
    assert IMAGE in json.dumps(image)
    assert dry.exit_code == 0, dry.said
    would = dry.steps("needed")
    assert ("image", 0) in would and ("model", 1) in would
    assert ("image", 1) not in would and ("model", 0) not in would


def test_a_node_without_power(tool: Tool, profile: ProfileMaker, lab: Lab) -> None:
    net.plug(lab.layout, "node1", 0, up=False)
    try:
        outcome = tool.run("check", str(profile("limits.connect_s=5")), "--json")
    finally:
        net.plug(lab.layout, "node1", 0, up=True)
    assert outcome.exit_code == 3, outcome.said
    gone = found(json.loads(outcome.out), "access.login", 1)
    assert gone["severity"] == "blocker" and "10.77.0.11" in gone["found"]
    # The other node is looked at all the same.
    assert found(json.loads(outcome.out), "npu.health", 0)["severity"] == "ok"
