"""The main job, once, from nothing to nothing: the tests of this file are one story in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import faults, net
from tests.lab.kit import node as look
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, MODEL_PATH, NODES, host
from tests.lab.kit.tool import Event, Outcome, Tool

PROOFS = {"model", "generation", "reasoning", "reasoning_stream", "no_thinking", "tool_call",
          "tool_call_stream", "ranks"}  # fmt: skip
told: dict[str, Any] = {}
"""What an earlier chapter leaves for a later one."""


@pytest.fixture(scope="module", autouse=True)
def bare(lab: Lab) -> None:
    """From nothing, whatever ran before."""
    lab.clear()


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


@contextmanager
def changed(lab: Lab, nodes: tuple[str, ...], name: str, old: str, new: str) -> Iterator[None]:
    """A file of the model's folder that somebody changed on these nodes."""
    files = [lab.layout.host_dir(n) / MODEL_PATH.lstrip("/") / name for n in nodes]
    before = [file.read_text() for file in files]
    for file, text in zip(files, before, strict=True):
        assert old in text
        file.write_text(text.replace(old, new))
    try:
        yield
    finally:
        for file, text in zip(files, before, strict=True):
            file.write_text(text)


def last(outcome: Outcome, stage: str, node: int) -> tuple[str, str]:
    """Status of a step at the end, and the id of its words."""
    steps: list[Event] = [e for e in outcome.events
                          if e["event"] == "StepChanged" and e["stage"] == stage
                          and e.get("node") == node]  # fmt: skip
    return steps[-1]["status"], (steps[-1].get("note") or {}).get("id", "")


def unlocked(lab: Lab, node: str) -> bool:
    return lab.run(node, f"ls {look.BASE}/lock", check=False).returncode != 0


def nothing_runs(lab: Lab, node: str) -> bool:
    free = "No running processes found" in lab.run(node, "npu-smi info").stdout
    return free and look.engines(lab, node) == []


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
        assert last(outcome, "launch", node) == ("applied", "deploy.note.selftest")
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
    deployed: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
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


def test_6_stop_while_a_node_is_out_of_reach(
    deployed: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """What may still run there is said, and it does; the second `stop` does what is left."""
    before = {n.name: snapshot(deployed, n.name)["container"] for n in NODES}
    net.plug(deployed.layout, "node1", 0, up=False)
    try:
        outcome = tool.run("stop", str(profile("limits.connect_s=5")), "--json")
        assert nothing_runs(deployed, "node0")
        assert look.engines(deployed, "node1"), "cut off, it runs on"
    finally:
        net.plug(deployed.layout, "node1", 0, up=True)
    assert outcome.exit_code == 3, outcome.said
    assert last(outcome, "launch", 0)[0] == "undone"
    assert last(outcome, "launch", 1) == ("skipped", "deploy.left.launch")
    assert "node1" in outcome.ended["what"]["text"] and "10.77.0.11" in outcome.ended["why"]["text"]
    assert "may still run on node1" in outcome.ended["fix"]["text"], outcome.said

    rest = tool.run("stop", str(profile()), "--json")
    assert rest.exit_code == 0, rest.said
    assert (last(rest, "launch", 0)[0], last(rest, "launch", 1)[0]) == ("present", "undone")
    for node in NODES:
        assert nothing_runs(deployed, node.name) and unlocked(deployed, node.name)
        assert snapshot(deployed, node.name)["container"] == before[node.name]
    again = tool.run("stop", str(profile()), "--json")
    assert again.exit_code == 0 and again.ended["changed"] == 0, again.said


def test_7_a_parser_self_test_that_fails(deployed: Lab, tool: Tool, profile: ProfileMaker) -> None:
    """Somebody renamed a tag in tokenizer.json on node 1. It comes back from tokenizer_config.json
    with an id that the model never writes: the parsers would look for it in vain."""
    before = {n.name: snapshot(deployed, n.name)["container"] for n in NODES}
    with changed(deployed, ("node1",), "tokenizer.json", '"</think>"', '"</thought>"'):
        outcome = tool.replay(profile(), "--no-check")
    assert outcome.exit_code == 5, outcome.said
    assert "Traceback" not in outcome.err
    assert outcome.ended["node"] == 1
    assert "self-test" in outcome.ended["what"]["text"]
    assert "</think> is token 1000" in outcome.ended["what"]["text"], outcome.said
    assert outcome.ended["fix"]["id"] == "deploy.fix.selftest_model"
    failed = outcome.steps("failed")
    assert ("launch", 1) in failed or ("ready", 1) in failed, outcome.said
    assert last(outcome, "launch", 0) == ("skipped", "deploy.note.ended_again")
    assert "verify" not in {stage for stage, _ in outcome.steps("applied")}, "nobody is served"
    for node in NODES:
        assert nothing_runs(deployed, node.name) and unlocked(deployed, node.name)
        assert snapshot(deployed, node.name)["container"] == before[node.name]


def test_8_a_late_node_1_and_a_service_that_fails_its_proofs(
    deployed: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """Started again, node 0 waits for node 1. Somebody put another chat template beside the
    weights: thinking cannot be switched off. All starts and answers; the proofs tell."""
    switch = "'</think>' if (enable_thinking is defined and not enable_thinking) else '<think>'"
    faults.change(deployed, "node1", ["vllm_delay=15"])
    with changed(deployed, ("node0", "node1"), "chat_template.jinja", switch, "'<think>'"):
        outcome = tool.replay(profile())
        again = tool.run("verify", str(profile()))
    assert outcome.exit_code == 6, outcome.said
    assert {stage for stage, _ in outcome.steps("applied")} <= {"lock", "launch", "ready"}
    waits = [e for e in outcome.events if e["event"] == "EnginePhase" and e["node"] == 0]
    assert "waiting_peer" in [e["phase"] for e in waits]
    proofs = outcome.proofs()
    assert not proofs["no_thinking"], outcome.said
    assert proofs["model"] and proofs["generation"] and proofs["reasoning"] and proofs["ranks"]
    assert outcome.steps("failed") == [("verify", 0)]
    for part in ("what", "why", "fix"):
        assert outcome.ended[part]["text"], outcome.said
    assert again.exit_code == 6, again.said
    for node in NODES:
        assert look.engines(deployed, node.name), "what serves goes on serving"
        assert unlocked(deployed, node.name)


def test_9_rollback_leaves_nothing_though_a_node_has_no_power_at_first(
    deployed: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    mine = profile("limits.connect_s=5")
    deployed.kill("node1")
    try:
        outcome = tool.run("rollback", str(mine), "--json")
    finally:
        deployed.boot(host("node1"))
    assert outcome.exit_code == 3, outcome.said
    for stage in ("launch", "patches", "container", "files"):
        assert last(outcome, stage, 0)[0] == "undone", stage
        assert last(outcome, stage, 1) == ("skipped", f"deploy.left.{stage}")
    assert "node1" in outcome.ended["what"]["text"]
    assert "On node1 the engine may still run" in outcome.ended["fix"]["text"], outcome.said
    assert "rollback` once more" in outcome.ended["fix"]["text"]
    assert deployed.run("node0", "docker ps -aq").stdout == ""
    assert look.left_behind(deployed, "node0") == []
    assert look.left_behind(deployed, "node1"), "there is something left to do"

    rest = tool.run("rollback", str(profile()), "--json")
    assert rest.exit_code == 0, rest.said
    for stage in ("container", "files"):
        assert (last(rest, stage, 0)[0], last(rest, stage, 1)[0]) == ("present", "undone"), stage
    for node in NODES:
        assert deployed.run(node.name, "docker ps -aq").stdout == ""
        assert look.engines(deployed, node.name) == []
        assert look.left_behind(deployed, node.name) == []
        assert look.image_sources(deployed, node.name) == told["pristine"]
        deployed.run(node.name, f"docker image inspect {look.IMAGE}; ! docker inspect {CONTAINER}")
    again = tool.run("rollback", str(profile()), "--json")
    assert again.exit_code == 0 and again.ended["changed"] == 0, again.said
