"""The patches against the real vLLM 0.13.0 in a real container, before any engine runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import node as look
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, IMAGE, NODES
from tests.lab.kit.tool import Tool

FOREIGN = f"{look.VLLM}/vllm/reasoning/holo2_reasoning_parser.py"


@pytest.fixture
def containers(healthy: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path) -> Iterator[Lab]:
    """The guide's containers, made by hand from the rendered folder before the product comes."""
    out = tmp_path / "out"
    rendered = tool.run("render", str(profile()), str(out))
    assert rendered.exit_code == 0, rendered.said
    script = (out / "scripts/docker_run.sh").read_text()
    for node in NODES:
        (healthy.layout.host_dir(node.name) / "opt/docker_run.sh").write_text(script)
        healthy.run(node.name, f"bash /opt/docker_run.sh {CONTAINER} {IMAGE}")
    yield healthy
    for node in NODES:
        healthy.run(node.name, f"docker rm -f {CONTAINER}; rm -rf /opt/data/glm47-tui")


def test_a_foreign_file_is_never_overwritten(
    containers: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    change = """s/bool(chat_kwargs.get("thinking", True))/True  # changed by hand/"""
    look.inside(containers, "node1", f"sed -i '{change}' {FOREIGN}")
    before = {n.name: look.sources(containers, n.name) for n in NODES}
    ids = {n.name: (look.container(containers, n.name) or {})["Id"] for n in NODES}

    outcome = tool.replay(profile())

    assert outcome.exit_code == 5, outcome.said
    assert "patches" in {stage for stage, node in outcome.steps("failed") if node == 1}
    said = json.dumps(outcome.events, ensure_ascii=False) + outcome.err
    assert "holo2_reasoning_parser.py" in said
    assert "# changed by hand" in said, "the diff is shown"
    assert look.sources(containers, "node1") == before["node1"]
    assert not look.engines(containers, "node0") and not look.engines(containers, "node1")

    undone = tool.run("rollback", str(profile()), "--json")
    assert undone.exit_code == 0, undone.said
    for node in NODES:
        assert look.sources(containers, node.name) == before[node.name]
        assert (look.container(containers, node.name) or {})["Id"] == ids[node.name]
        assert look.left_behind(containers, node.name) == []
