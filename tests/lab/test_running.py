"""Beside a running service, on a real vLLM: what the monitor, status, check and diagnose say of it,
and of what goes wrong with it. The tests of this file are one story in order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glm47_tui.monitor import Player
from tests.lab.conftest import ProfileMaker
from tests.lab.kit import net
from tests.lab.kit import node as look
from tests.lab.kit.host import wait_for
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, NODES
from tests.lab.kit.tool import Running, Tool
from tests.lab.kit.watch import ASK, health, settled, until
from tests.lab.test_check import blockers, check, found

INSIDE = "/root/.cache/glm47-tui/lab-pair"
FLAG = "--max-model-len"
PROFILE_VALUE, OTHER_VALUE = "8192", "4096"
NAMED_S = 30.0
"""By then a dead or hung rank must have been named."""
done: set[str] = set()


@pytest.fixture(scope="module", autouse=True)
def cleared(lab: Lab) -> Iterator[None]:
    """Nothing of ours is left for the files that come after."""
    yield
    lab.clear()


@pytest.fixture
def served(lab: Lab) -> Lab:
    """Chapters after the first need its end."""
    if "served" not in done:
        pytest.fail("nothing was deployed")
    return lab


def status(tool: Tool, profile: Path) -> dict[str, Any]:
    outcome = tool.run("status", str(profile), "--json")
    assert outcome.out.startswith("{"), outcome.said
    return json.loads(outcome.out)


def diagnosed(tool: Tool, folder: Path) -> dict[str, Any]:
    outcome = tool.run("diagnose", str(folder), "--json")
    assert outcome.out.startswith("{"), outcome.said
    return json.loads(outcome.out)


def logs(lab: Lab, folder: Path) -> Path:
    """The logs of both nodes, as an engineer collects them."""
    folder.mkdir(exist_ok=True)
    for node in NODES:
        name = f"glm_47_infer_{node.name}_log.txt"
        text = lab.run(node.name, f"cat {look.BASE}/logs/{name}").stdout
        (folder / f"{node.name}.log").write_text(text)
    return folder


def start_by_hand(lab: Lab, node: str) -> None:
    """Start the engine from the script as it lies on the node."""
    job = f"glm_47_infer_{node}"
    sha = f"$(sha256sum <{look.BASE}/scripts/{job}.sh | cut -d' ' -f1)"
    script = f"{INSIDE}/scripts/{job}.sh"
    lab.run(node, f"docker exec {CONTAINER} bash {INSIDE}/scripts/detach.sh start {job} {sha} "
                  f"bash {script}")  # fmt: skip


def serves(lab: Lab, node: str) -> bool:
    return "vllm serve" in look.inside(lab, node, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


@pytest.fixture
def watching(served: Lab, tool: Tool, profile: ProfileMaker) -> Iterator[Running]:
    """A monitor that has seen both nodes and both ranks well."""
    running = tool.start("monitor", str(profile()), "--json")
    until(running, settled, 60)
    yield running
    running.interrupt()
    assert running.finish(30).exit_code == 0


def test_1_engines_of_the_profile_have_its_flags(
    lab: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """A service that the file before left running is joined."""
    outcome = tool.replay(profile('verify.level="protocol"'), limit=600)
    assert outcome.exit_code == 0, outcome.said
    done.add("served")
    now = status(tool, profile())
    assert [(n["engine"], n["flags"]) for n in now["nodes"]] == [("running", []), ("running", [])]
    outcome, findings = check(tool, profile(), "--only", "same")
    assert outcome.exit_code == 0 and not findings, outcome.said


def test_2_one_reading(served: Lab, tool: Tool, profile: ProfileMaker) -> None:
    once = tool.run("monitor", str(profile()), "--once", "--json")
    assert once.exit_code == 0, once.said
    reading = json.loads(once.out)
    assert [len(node["npus"]) for node in reading["nodes"]] == [8, 8]
    assert not any(node["stale"] for node in reading["nodes"])
    assert [(rank["rank"], rank["node"]) for rank in reading["engine"]["ranks"]] == [
        ("0", 0),
        ("1", 1),
    ]
    assert reading["engine"]["healthy"] is True
    assert all(node["log_lines"] > 0 for node in reading["nodes"])


def test_3_the_log_goes_on_across_a_cut(
    served: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
) -> None:
    log = f"{look.BASE}/logs/glm_47_infer_node1_log.txt"
    night = tmp_path / "night.gz"
    running = tool.start("monitor", str(profile()), "--json", "--record", str(night))
    until(running, settled, 60)
    served.run("node1", f"for i in $(seq 100); do echo marker $i; done >>{log}")
    served.run("node1", "pkill -KILL -f '^sshd: root'")
    served.run("node1", f"for i in $(seq 101 200); do echo marker $i; done >>{log}")
    until(running, lambda r: "link_back" in [e["kind"] for e in r["events"] if e["node"] == 1], 60)
    served.run("node1", f"echo marker 201 >>{log}")
    last = until(running, lambda r: not r["nodes"][1]["stale"], 20)["nodes"][1]["log_lines"]
    until(running, lambda r: r["nodes"][1]["log_lines"] >= last, 20)
    time.sleep(1.5)  # the last line is read four times a second
    running.interrupt()
    running.finish(30)
    player = Player(night)
    player.run_to_end()
    seen = [line for line in player.board.logs.raw(1, 20_000) if line.startswith("marker ")]
    assert seen == [f"marker {i}" for i in range(1, 202)]


def test_4_a_busy_rank_is_not_called_dead(served: Lab, watching: Running) -> None:
    asking = f"/usr/bin/python3 -c '{ASK}' 8080 glm47 15"
    served.run("node0", f"{asking} >/tmp/asked 2>&1 &", check=False)
    seen = set()
    end = time.monotonic() + 16
    while time.monotonic() < end:
        seen |= set(health(until(watching, lambda r: True, 10)).values())
    assert seen <= {"idle", "busy"}


def test_5_a_stopped_engine_is_named_while_health_says_well(served: Lab, watching: Running) -> None:
    engine = look.engine_core(served, "node1")
    served.run("node1", f"kill -STOP {engine}")
    try:
        reading = until(watching, lambda r: health(r)["1"] == "hung", NAMED_S)
        assert reading["engine"]["healthy"] is True
        assert served.run("node0", f"/usr/bin/python3 -c '{ASK}' 8080 glm47 0").stdout == "200\n"
        assert [e["node"] for e in reading["events"] if e["kind"] == "rank_hung"] == [1]
    finally:
        served.run("node1", f"kill -CONT {engine}")
    until(watching, lambda r: health(r)["1"] in ("idle", "busy"), NAMED_S)


def test_6_a_killed_engine_is_named_by_the_monitor(served: Lab, watching: Running) -> None:
    served.run("node1", f"kill -KILL {look.engine_core(served, 'node1')}")
    reading = until(watching, lambda r: health(r)["1"] == "dead", NAMED_S)
    assert health(reading)["0"] != "dead"
    assert [e["node"] for e in reading["events"] if e["kind"] == "rank_dead"] == [1]


def test_7_by_status_and_diagnosis_too(
    served: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
) -> None:
    wait_for("node1: the engine's end", lambda: not serves(served, "node1"), 60)
    now = status(tool, profile())
    assert now["nodes"][1]["engine"] == "dead", now
    report = diagnosed(tool, logs(served, tmp_path / "dead"))
    # Killed by the kernel, an engine says nothing, and the first node serves on.
    assert report["causes"] == []
    (stall,) = report["stalls"]
    assert (stall["node"], stall["phase"], stall["waits_for"]) == ("node0", "serving", "node1")
    assert "node1" in stall["fix"]


def test_8_a_flag_that_somebody_changed_on_one_node(
    served: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    assert tool.run("stop", str(profile()), "--json", limit=90).exit_code == 0
    script = f"{look.BASE}/scripts/glm_47_infer_node1.sh"
    served.run("node1", f"sed -i 's/{FLAG} {PROFILE_VALUE}/{FLAG} {OTHER_VALUE}/' {script}")
    for node in NODES:
        start_by_hand(served, node.name)
    for node in NODES:
        wait_for(f"{node.name}: vllm", lambda node=node: serves(served, node.name), 60)

    now = status(tool, profile())
    assert [n["flags"] for n in now["nodes"]] == [
        [], [{"name": FLAG, "running": OTHER_VALUE, "wanted": PROFILE_VALUE}]
    ]  # fmt: skip
    assert now["nodes"][1]["engine"] == "differs"
    shown = tool.run("status", str(profile())).out
    assert f"{FLAG}: {OTHER_VALUE} now, {PROFILE_VALUE} in the profile" in shown

    outcome, findings = check(tool, profile())
    assert outcome.exit_code == 4
    named = found(findings, "same.flags")
    assert f"{FLAG}: node0 {PROFILE_VALUE}, node1 {OTHER_VALUE}" in named["found"]
    assert f"profile: {PROFILE_VALUE}" in named["found"]
    assert "glm47-tui stop lab-pair" in named["fix"]
    assert blockers(findings) == {"same.flags"}


def test_9_a_peer_that_is_gone(
    served: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
) -> None:
    """Node 1 was stopped and has lost its network; node 0 was started and waits for it."""
    mine = profile("limits.connect_s=5")
    look.engine_core(served, "node1", 120)
    assert tool.run("stop", str(profile()), "--json", limit=90).exit_code == 0
    net.plug(served.layout, "node1", 0, up=False)
    try:
        start_by_hand(served, "node0")
        wait_for("node0: vllm", lambda: serves(served, "node0"), 60)
        outcome = tool.run("check", str(mine), "--json")
        findings = json.loads(outcome.out)
        gone = found(findings, "access.login", 1)
        assert outcome.exit_code == 3
        assert gone["severity"] == "blocker"
        assert "10.77.0.11" in gone["found"] and "jump host" in gone["fix"]
        assert found(findings, "npu.health", 0)["severity"] == "ok", (
            "node 0 is looked at all the same"
        )
        now = status(tool, mine)
        assert now["nodes"][0]["engine"] == "running"
        assert "10.77.0.11" in now["nodes"][1]["error"]["text"]
        found_out: dict[str, Any] = {}

        def waits() -> bool:
            found_out.update(diagnosed(tool, logs(served, tmp_path / "gone")))
            return bool(found_out["stalls"])

        wait_for("node0: the wait for node1", waits, 120)
    finally:
        net.plug(served.layout, "node1", 0, up=True)
    stall = found_out["stalls"][0]
    assert (stall["node"], stall["waits_for"]) == ("node0", "node1")
    assert "node1" in stall["fix"]
