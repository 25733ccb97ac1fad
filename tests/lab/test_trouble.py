"""Deployments that meet with trouble on the way, on a real vLLM: each ends in time, names the cause
and the node, and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import node as look
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, IMAGE, NODES, host
from tests.lab.kit.tool import LIMIT, Event, Outcome, Tool

LOADING = ("waiting_peer", "starting", "weights", "profiling")


@pytest.fixture(scope="module", autouse=True)
def bare(lab: Lab) -> None:
    """Whatever ran before."""
    lab.clear()


@pytest.fixture(autouse=True)
def clean(healthy: Lab) -> Iterator[None]:
    """Every chapter begins and ends with nodes that hold nothing of ours."""
    yield
    healthy.clear()
    for node in NODES:
        assert look.engines(healthy, node.name) == []


def _loading(node: int) -> object:
    def wanted(event: Event) -> bool:
        return (
            event["event"] == "EnginePhase" and event["node"] == node and event["phase"] in LOADING
        )

    return wanted


def _away(event: Event) -> bool:
    """A node is said to be out of reach."""
    return event["event"] == "StepChanged" and event.get("note", {}).get("id") == "deploy.note.away"


def _names(outcome: Outcome, node: int) -> bool:
    """Whether the end of a run, or a diagnosis, names that node."""
    ends = [e for e in outcome.events if e["event"] in ("RunEnded", "Diagnosed")]
    return any(e.get("node") == node for e in ends)


def test_an_engine_that_is_killed_in_the_load(
    lab: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
) -> None:
    """As the kernel does when memory runs out. The containers were there before, by hand."""
    out = tmp_path / "out"
    assert tool.run("render", str(profile()), str(out)).exit_code == 0
    for node in NODES:
        script = lab.layout.host_dir(node.name) / "opt/docker_run.sh"
        script.write_text((out / "scripts/docker_run.sh").read_text())
        lab.run(node.name, f"bash /opt/docker_run.sh {CONTAINER} {IMAGE}")
    before = {n.name: look.sources(lab, n.name) for n in NODES}
    ids = {n.name: (look.container(lab, n.name) or {})["Id"] for n in NODES}

    running = tool.start("replay", str(profile()), "--yes", "--json")
    running.until(_loading(1), LIMIT)  # type: ignore[arg-type]
    lab.run("node1", f"kill -KILL {look.engine_core(lab, 'node1')}")
    outcome = running.finish(LIMIT)

    assert outcome.exit_code == 5, outcome.said
    assert _names(outcome, 1), outcome.said
    assert "Traceback" not in outcome.err

    undone = tool.run("rollback", str(profile()), "--json")
    assert undone.exit_code == 0, undone.said
    for node in NODES:
        found = look.container(lab, node.name)
        assert found is not None and found["Id"] == ids[node.name] and found["State"]["Running"]
        assert look.sources(lab, node.name) == before[node.name], "byte for byte"
        assert look.engines(lab, node.name) == []
        assert look.left_behind(lab, node.name) == []


def test_a_node_that_loses_its_power_then_ctrl_c_in_the_load(
    lab: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """Node 1 loses its power in the load and comes back. The next run is interrupted in its load,
    and says what is left running; the one after it joins that and serves."""
    running = tool.start("replay", str(profile()), "--yes", "--json")
    running.until(_loading(1), LIMIT)  # type: ignore[arg-type]
    look.engine_core(lab, "node1")
    lab.kill("node1")
    try:
        running.until(_away, LIMIT)
    finally:
        lab.boot(host("node1"))
    outcome = running.finish(LIMIT)
    assert outcome.exit_code == 5, outcome.said
    assert _names(outcome, 1), outcome.said
    assert ("ready", 1) in outcome.steps("failed") and ("ready", 0) in outcome.steps("skipped")
    away = [e["node"] for e in outcome.events if _away(e)]
    assert away == [1], "a busy node is not called dead"

    running = tool.start("replay", str(profile()), "--yes", "--json")
    running.until(_loading(0), LIMIT)  # type: ignore[arg-type]
    running.interrupt()
    cut = running.finish(LIMIT)
    assert cut.exit_code == 130, cut.said
    assert "Traceback" not in cut.err
    said = cut.err + json.dumps(cut.events[-1], ensure_ascii=False)
    assert "node0" in said or "stop" in said, said

    def started() -> list[str]:
        return [lab.run(n.name, f"cat {look.BASE}/state/*.pid").stdout for n in NODES]

    before = started()
    again = tool.replay(profile())
    assert again.exit_code == 0, again.said
    assert all(again.proofs().values()) and again.proofs()
    assert started() == before, "the engines that went on loading are those that serve"
    undone = tool.run("rollback", str(profile()), "--json")
    assert undone.exit_code == 0, undone.said
    for node in NODES:
        assert look.engines(lab, node.name) == []
        assert lab.run(node.name, "docker ps -aq").stdout == ""
        assert look.left_behind(lab, node.name) == []


def test_ordinary_user_password_few_sessions_and_plugins(
    lab: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """The whole job by another way: password login, sudo with a password, two sessions a
    connection, parsers as plugins."""
    mine = profile(
        'ssh.user="ops"', 'ssh.jump="ops@10.78.0.2:22"', 'ssh.auth="password"', "ssh.identity=",
        'launch.parsers="plugin"',
    )  # fmt: skip
    secrets = {"GLM47_TUI_PASSWORD": lab.password, "GLM47_TUI_SUDO_PASSWORD": lab.password}
    for node in NODES:
        lab.sshd(node.name, "MaxSessions 2")
    try:
        outcome = tool.replay(mine, **secrets)
        assert outcome.exit_code == 0, outcome.said
        assert all(outcome.proofs().values()) and len(outcome.proofs()) == 8
        passed = {e["node"] for e in outcome.events if e["event"] == "StepChanged"
                  and e.get("note", {}).get("id") == "deploy.note.selftest"}  # fmt: skip
        assert passed == {0, 1}, "the plugins were tested"
        pristine = look.image_sources(lab, "node0")
        for node in NODES:
            assert look.sources(lab, node.name) == pristine, "plugins edit nothing"
            assert look.mentions(lab, node.name, lab.password) == []
        assert lab.password not in outcome.out + outcome.err
        undone = tool.run("rollback", str(mine), "--json", **secrets)
    finally:
        for node in NODES:
            lab.sshd(node.name)
    assert undone.exit_code == 0, undone.said
    for node in NODES:
        assert lab.run(node.name, "docker ps -aq").stdout == ""
        assert look.left_behind(lab, node.name) == []
