"""The main job, once, from nothing to nothing: the tests of this file are one story in order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import faults
from tests.lab.kit import node as look
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, MODEL_PATH, NODES
from tests.lab.kit.tool import Tool

PROOFS = {"model", "generation", "reasoning", "reasoning_stream", "no_thinking", "tool_call",
          "tool_call_stream", "ranks"}  # fmt: skip
told: dict[str, Any] = {}
"""What an earlier chapter leaves for a later one."""


@pytest.fixture
def deployed(lab: Lab) -> Lab:
    """Chapters after the first need its end."""
    if not told.get("deployed"):
        pytest.fail("the first chapter did not end well")
    return lab


def snapshot(lab: Lab, node: str) -> dict[str, Any]:
    """All on a node that a run which changes nothing leaves alone."""
    found = look.container(lab, node)
    assert found is not None
    files = lab.run(node, f"find {look.BASE} ! -path '*/lock*' -type f -printf '%p %T@ %s\\n'")
    lines = [line for line in files.stdout.splitlines() if "_log.txt" not in line]
    return {
        "container": (found["Id"], found["State"]["StartedAt"], found["RestartCount"]),
        "files": sorted(lines),
        "engines": look.engines(lab, node),
        "all": lab.run(node, "docker ps -aq --no-trunc").stdout.split(),
    }


def test_1_from_nothing_to_a_verified_answer(lab: Lab, tool: Tool, profile: ProfileMaker) -> None:
    told["pristine"] = look.image_sources(lab, "node0")
    outcome = tool.replay(profile())
    assert outcome.exit_code == 0, outcome.said
    assert outcome.proofs() == dict.fromkeys(PROOFS, True)
    assert outcome.ended["changed"] > 0
    for node in (0, 1):
        phases = [e["phase"] for e in outcome.events
                  if e["event"] == "EnginePhase" and e["node"] == node]  # fmt: skip
        assert phases[-1] == "serving"
        assert {"starting", "waiting_peer", "weights"} & set(phases)
    for node in NODES:
        assert "VLLM::EngineCor" in lab.run(node.name, "npu-smi info").stdout
    log = lab.run("node1", f"cat {look.BASE}/logs/glm_47_infer_node1_log.txt").stdout
    assert "rank 1 in world size 2" in log
    told["deployed"] = True


def test_2_again_changes_nothing(deployed: Lab, tool: Tool, profile: ProfileMaker) -> None:
    before = {n.name: snapshot(deployed, n.name) for n in NODES}
    outcome = tool.replay(profile())
    assert outcome.exit_code == 0, outcome.said
    assert outcome.ended["changed"] == 0
    assert {stage for stage, _ in outcome.steps("applied")} <= {"verify"}
    assert outcome.proofs() == dict.fromkeys(PROOFS, True)
    assert {n.name: snapshot(deployed, n.name) for n in NODES} == before


def test_3_what_runs_is_what_was_shown(
    deployed: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Any
) -> None:
    """The files on the nodes are those of `render`; the patched files are the manifest's."""
    out = tmp_path / "out"
    assert tool.run("render", str(profile()), str(out)).exit_code == 0
    for i, node in enumerate(NODES):
        shown = (out / f"scripts/glm_47_infer_node{i}.sh").read_bytes()
        there = deployed.layout.host_dir(node.name) / look.BASE.lstrip("/")
        assert (there / f"scripts/glm_47_infer_node{i}.sh").read_bytes() == shown
        changed = look.sources(deployed, node.name).items() ^ told["pristine"].items()
        assert {path for path, _ in changed} == {
            "./vllm/tool_parsers/__init__.py", "./vllm/tool_parsers/glm47_moe_tool_parser.py",
            "./vllm/reasoning/holo2_reasoning_parser.py",
            "./vllm/reasoning/glm4_moe_reasoning_parser.py",
        }  # fmt: skip


def test_4_chat_status_logs(deployed: Lab, tool: Tool, profile: ProfileMaker) -> None:
    answer = tool.run("chat", str(profile()), "-m", "1 加 1 等于几?只回答数字。")
    assert answer.exit_code == 0, answer.said
    assert answer.out.strip() == "2"
    assert "1 加 1 等于 2。" in answer.err
    status = tool.run("status", str(profile()), "--json")
    assert status.exit_code == 0, status.said
    assert json.dumps(json.loads(status.out)).count("serving") >= 2
    logs = tool.run("logs", str(profile()), "--node", "1", "-n", "5000")
    assert logs.exit_code == 0, logs.said
    assert "EngineCore_DP1" in logs.out and "EngineCore_DP0" not in logs.out


def test_5_the_checks_know_their_own_engines(
    deployed: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    outcome = tool.run("check", str(profile()), "--json")
    assert outcome.exit_code == 0, outcome.said


def test_6_stop(deployed: Lab, tool: Tool, profile: ProfileMaker) -> None:
    before = {n.name: snapshot(deployed, n.name)["container"] for n in NODES}
    outcome = tool.run("stop", str(profile()), "--json")
    assert outcome.exit_code == 0, outcome.said
    for node in NODES:
        assert look.engines(deployed, node.name) == []
        assert "No running processes found" in deployed.run(node.name, "npu-smi info").stdout
        assert snapshot(deployed, node.name)["container"] == before[node.name]
    again = tool.run("stop", str(profile()), "--json")
    assert again.exit_code == 0 and again.ended["changed"] == 0, again.said


def test_7_a_service_that_fails_its_proofs(
    deployed: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """Somebody put another chat template beside the weights: thinking cannot be switched off. All
    starts and answers; the proofs tell."""
    template = f"{MODEL_PATH}/chat_template.jinja"
    switch = "'</think>' if (enable_thinking is defined and not enable_thinking) else '<think>'"
    for node in NODES:
        file = deployed.layout.host_dir(node.name) / template.lstrip("/")
        told[node.name] = file.read_text()
        assert switch in told[node.name]
        file.write_text(told[node.name].replace(switch, "'<think>'"))
    try:
        outcome = tool.replay(profile())
        again = tool.run("verify", str(profile()))
    finally:
        for node in NODES:
            file = deployed.layout.host_dir(node.name) / template.lstrip("/")
            file.write_text(told[node.name])
    assert outcome.exit_code == 6, outcome.said
    proofs = outcome.proofs()
    assert not proofs["no_thinking"], outcome.said
    assert proofs["model"] and proofs["generation"] and proofs["reasoning"] and proofs["ranks"]
    assert outcome.steps("failed") == [("verify", 0)]
    for part in ("what", "why", "fix"):
        assert outcome.ended[part]["text"], outcome.said
    assert again.exit_code == 6, again.said
    for node in NODES:
        assert look.engines(deployed, node.name), "what serves goes on serving"
        assert deployed.run(node.name, f"ls {look.BASE}/lock", check=False).returncode != 0
    ended = tool.run("stop", str(profile()), "--json")
    assert ended.exit_code == 0, ended.said


def test_8_start_again_while_node_1_is_late(
    deployed: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    faults.change(deployed, "node1", ["vllm_delay=15"])
    outcome = tool.replay(profile())
    assert outcome.exit_code == 0, outcome.said
    assert {stage for stage, _ in outcome.steps("applied")} <= {"lock", "launch", "ready", "verify"}
    waits = [e for e in outcome.events if e["event"] == "EnginePhase" and e["node"] == 0]
    assert "waiting_peer" in [e["phase"] for e in waits]
    assert outcome.proofs() == dict.fromkeys(PROOFS, True)


def test_9_rollback_leaves_nothing(deployed: Lab, tool: Tool, profile: ProfileMaker) -> None:
    outcome = tool.run("rollback", str(profile()), "--json")
    assert outcome.exit_code == 0, outcome.said
    for node in NODES:
        assert deployed.run(node.name, "docker ps -aq").stdout == ""
        assert look.engines(deployed, node.name) == []
        assert look.left_behind(deployed, node.name) == []
        assert look.image_sources(deployed, node.name) == told["pristine"]
        deployed.run(node.name, f"docker image inspect {look.IMAGE}; ! docker inspect {CONTAINER}")
    again = tool.run("rollback", str(profile()), "--json")
    assert again.exit_code == 0 and again.ended["changed"] == 0, again.said
