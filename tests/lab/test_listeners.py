"""Nodes with neither Python nor Perl: whatever netcat is there listens, real ones each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit.debs import unpacked
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import NODES
from tests.lab.kit.prepare import NotPossible
from tests.lab.kit.tool import Tool
from tests.lab.test_check import found

PACKAGES = ("netcat-openbsd", "netcat-traditional", "ncat", "socat", "libbsd0", "liblua5.3-0",
            "libpcap0.8")  # fmt: skip
HIDDEN = ("python3", "perl")
TOOLS = {"nc.openbsd": "nc", "nc.traditional": "nc", "ncat": "ncat", "socat": "socat"}


@pytest.fixture
def netcats(lab: Lab) -> Iterator[None]:
    """The programs lie on both nodes, out of the way; Python and Perl are hidden."""
    try:
        tree = unpacked("netcats", PACKAGES)
    except NotPossible as reason:
        pytest.skip(str(reason))
    for node in NODES:
        place = lab.layout.host_dir(node.name)
        if not (place / "opt/netcats").exists():
            shutil.copytree(tree, place / "opt/netcats", symlinks=True)
        for name in HIDDEN:
            program(place / "usr/local/bin" / name, "exit 127")
    yield
    for node in NODES:
        local = lab.layout.host_dir(node.name) / "usr/local/bin"
        for name in {*HIDDEN, *TOOLS.values()}:
            (local / name).unlink(missing_ok=True)


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    "tools",
    [("nc.openbsd", "nc.openbsd"), ("nc.traditional", "nc.traditional"), ("ncat", "socat")],
    ids="-".join,
)
@pytest.mark.usefixtures("netcats")
def test_a_netcat_listens(
    lab: Lab, tool: Tool, profile: ProfileMaker, tools: tuple[str, str]
) -> None:
    for node, name in zip(NODES, tools, strict=True):
        libraries = "/opt/netcats/usr/lib/$(uname -m)-linux-gnu"
        body = f'LD_LIBRARY_PATH={libraries} exec /opt/netcats/usr/bin/{name} "$@"'
        program(lab.layout.host_dir(node.name) / "usr/local/bin" / TOOLS[name], body)
    outcome = tool.run("check", str(profile()), "--json", "--only", "reach")
    assert outcome.exit_code == 0, outcome.said
    findings = json.loads(outcome.out)
    assert {f["severity"] for f in findings} == {"ok"}, outcome.said
    assert "reached from node1" in found(findings, "reach.rpc", 0)["found"]


@pytest.mark.usefixtures("netcats")
def test_with_nothing_that_listens_the_answer_is_unknown(tool: Tool, profile: ProfileMaker) -> None:
    outcome = tool.run("check", str(profile()), "--json", "--only", "reach")
    severities = {f["severity"] for f in json.loads(outcome.out)}
    assert severities == {"unknown"}, outcome.said
