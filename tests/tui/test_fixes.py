"""Fixes from the Checks screen, by keys, on simulated nodes: green afterwards, and undone."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from glm47_tui.checks import Finding, Severity
from glm47_tui.demo import Cluster
from tests.tui.conftest import Driver, driving


def findings(d: Driver, check: str) -> list[Finding]:
    return [f for f in d.session.nodes.findings if f.check == check]


def fine(d: Driver, check: str) -> bool:
    found = findings(d, check)
    return bool(found) and all(f.severity in (Severity.OK, Severity.INFO) for f in found)


async def choose(d: Driver, check: str) -> None:
    """Walk down the list to the first row of a check that is not fine, else to its first row."""
    rows = d.app.screen.query_one("#findings", OptionList)
    ids = [rows.get_option_at_index(i).id or "" for i in range(rows.option_count)]
    group = f"group:{check.partition('.')[0]}"
    wanted = [f"{f.check}@{'all' if f.node is None else f.node}" for f in findings(d, check)
              if f.severity not in (Severity.OK, Severity.INFO)]  # fmt: skip
    if not any(id_.startswith(f"{check}@") for id_ in ids):
        await walk(d, rows, ids.index(group))
        await d.keys("enter")
        ids = [rows.get_option_at_index(i).id or "" for i in range(rows.option_count)]
    wanted = wanted or [id_ for id_ in ids if id_.startswith(f"{check}@")]
    await walk(d, rows, ids.index(wanted[0]))


async def walk(d: Driver, rows: OptionList, to: int) -> None:
    while rows.highlighted != to:
        await d.keys("down" if (rows.highlighted or 0) < to else "up")


@pytest.mark.parametrize(
    ("fault", "check", "command", "undo"),
    [
        ("tls-differs", "hccn.tls", "-tls -s enable 0", "-tls -s enable 1"),
        ("firewall", "reach.rpc", "--add-source=", "--remove-source="),
    ],
)
async def test_a_fix_is_shown_applied_seen_to_help_and_taken_back(
    cluster: Cluster, fault: str, check: str, command: str, undo: str
) -> None:
    cluster.fault(fault, 0 if check == "reach.rpc" else 1)
    async with driving(str(cluster.home / "profile.toml"), size=(120, 40)) as d:
        d.app.action_go("checks")
        await d.until(lambda: d.app.step_shown == "checks", "Checks")
        await d.keys("R")
        await d.until(lambda: findings(d, check), "the findings")
        await d.idle()
        assert not fine(d, check)
        await choose(d, check)

        await d.keys("x")
        await d.sees(command)
        assert undo in d.text, "the way back is shown before"
        await d.keys("enter")  # the answer that has the focus changes nothing
        await d.idle()
        assert d.session.nodes.fixed == {}

        await d.keys("x")
        await d.sees(command)
        await d.keys("left", "enter")
        one = len([f for f in findings(d, check) if f.fixable])
        await d.until(lambda: d.session.nodes.fixed, "the fix")
        await d.idle()
        if one == 1:
            assert fine(d, check), d.text

        await choose(d, check)
        key = next(iter(d.session.nodes.fixed))
        at = next(iter(d.session.nodes.fixed.values())).node
        rows = d.app.screen.query_one("#findings", OptionList)
        ids = [rows.get_option_at_index(i).id or "" for i in range(rows.option_count)]
        mine = [f"{check}@{at}", f"{check}@all"]
        await walk(d, rows, next(ids.index(id_) for id_ in mine if id_ in ids))
        await d.sees("applied")
        await d.keys("u")
        await d.until(lambda: key not in d.session.nodes.fixed, "the fix taken back")
        await d.idle()
        assert not fine(d, check), d.text
