"""The ping script with stand-ins for hccn_tool: side by side, bounded, a verdict a pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm47_tui.checks.matrix import pairs, ping_all, ping_arguments, read_pings, whole_seconds
from glm47_tui.node import NodeFacts
from tests.unit.checks.atlas import facts, profile
from tests.unit.node.local import LocalShell

BOTH = {0: facts(0), 1: facts(1)}
ALL = pairs(profile(), BOTH)
GOOD = 'for s in 0 1 2; do echo "recv seq=$s,time=0.1ms"; done; ' \
       'echo "3 packets transmitted, 3 received, 0.00% packet loss"'  # fmt: skip


def shell(folder: Path, body: str) -> LocalShell:
    folder.mkdir(exist_ok=True)
    tool = folder / "hccn_tool"
    tool.write_text(f"#!/bin/bash\n{body}\n")
    tool.chmod(0o755)
    return LocalShell(str(folder))


def test_all_pairs_get_their_verdict(tmp_path: Path) -> None:
    here = shell(tmp_path / "bin", f'echo "device $2 PING $6"; {GOOD}')
    found = read_pings(ALL, {i: ping_all(ALL, i, here) for i in (0, 1)})
    assert len(found) == 64
    assert {p.ok for p in found} == {True}


@pytest.mark.parametrize(
    ("body", "ok", "detail"),
    [
        ("echo '3 packets transmitted, 0 received, 100.00% packet loss'", False, ""),
        ("echo '3 packets transmitted, 1 received, 66.67% packet loss'", True, ""),
        ("echo 'hccn_tool: no right'; exit 3", False, "hccn_tool: no right"),
        ("echo 'odd words'", None, "odd words"),
    ],
)
def test_verdicts(tmp_path: Path, body: str, ok: bool | None, detail: str) -> None:
    here = shell(tmp_path / "bin", body)
    wanted = tuple(p for p in ALL if p.source == 0)[:8]
    found = read_pings(wanted, {0: ping_all(wanted, 0, here)})
    assert {(p.ok, p.detail) for p in found} == {(ok, detail)}


def test_a_tool_that_hangs_costs_its_limit_and_the_rest_is_told_as_untried(tmp_path: Path) -> None:
    here = shell(tmp_path / "bin", "sleep 3600")
    text = (Path(__file__).parents[3] / "assets/scripts/checks/hccn_ping.sh").read_text()
    lanes = ("0=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4", "1=10.0.0.5")
    out = here.run(text, "limit=1", "seconds=2", *lanes, timeout=60).out
    assert "@@ ping 0 10.0.0.1 timeout" in out
    assert "@@ ping 1 10.0.0.5 timeout" in out
    assert "@@ ping 0 10.0.0.4 none" in out


def test_without_the_tool_there_is_no_verdict() -> None:
    text = "@@ missing hccn_tool"
    assert {p.detail for p in read_pings(ALL, {0: text, 1: text})} == {"no_tool"}
    assert {p.detail for p in read_pings(ALL, {})} == {"no_time"}


def test_npus_without_an_address_are_not_tried() -> None:
    bare = pairs(profile(), {0: BOTH[0], 1: NodeFacts()})
    assert {p.detail for p in bare} == {"no_address"}
    assert ping_arguments(bare, 0) == ()
    assert ping_all(bare, 0, LocalShell()) == ""


def test_the_time_grows_with_the_pairs_and_is_bounded() -> None:
    assert whole_seconds(ALL, 0) == 4 * 6 + 1
    nodes = profile().nodes[0].model_dump()
    many = profile().model_validate(
        {"schema": 1, "name": "many", "nodes": [
            {**nodes, "host": f"10.77.1.{i}", "ip": f"10.77.1.{i}"} for i in range(1, 9)]}
    )  # fmt: skip
    eight = pairs(many, {i: BOTH[i % 2] for i in range(8)})
    assert len(eight) == 28 * 64
    assert whole_seconds(eight, 0) == 60
    # With little time, every pair of nodes is tried with some NPUs before any is tried with all.
    first = {(p.source, p.target) for p in eight[: 28 * 8]}
    assert len({frozenset(x) for x in first}) == 28
