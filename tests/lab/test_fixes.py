"""The fixes that checks offer, run for real by the product on the nodes: they help, and are undone.

ufw and firewalld are Debian's own, with their rules in the node's network namespace; hccn_tool is
the lab's stand-in, which knows the TLS switch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import faults, firewalls
from tests.lab.kit.lab import Lab
from tests.lab.kit.prepare import NotPossible
from tests.lab.kit.tool import Tool

Look = list[dict[str, Any]]
Spoil = Callable[[Lab], AbstractContextManager[None]]

THERE_AND_BACK = """
import json, sys
from glm47_tui.checks import apply_fix, gather, run, undo_fix
from glm47_tui.i18n import t
from glm47_tui.profile import load
from glm47_tui.remote import connect
from glm47_tui.remote.api import Nobody

profile, check = load(sys.argv[1]), sys.argv[2]
fleet = connect(profile, Nobody())

def look():
    found = run(profile, gather(fleet, profile, only=[check]), [check])
    print(json.dumps([
        {"key": f.key, "node": f.node, "severity": f.severity.value, "found": t(f.found),
         "command": f.command, "undo": f.undo, "fixable": f.fixable} for f in found
    ]))
    return [f for f in found if f.fixable]

wrong = look()
for step in (apply_fix, undo_fix):
    for finding in wrong:
        step(fleet.connections[finding.node], finding)
    look()
fleet.close()
"""


def there_and_back(tool: Tool, profile: Path, check: str) -> tuple[Look, Look, Look]:
    """What a check says before, with its fixes applied, and with them taken back."""
    words = [*tool.lab.desk(), sys.executable, "-c", THERE_AND_BACK, str(profile), check]
    done = subprocess.run(words, env=tool.environment(), capture_output=True, text=True,
                          timeout=180, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, fixed, back = (json.loads(line) for line in done.stdout.splitlines())
    return before, fixed, back


def wall(kind: str) -> Spoil:
    def spoil(lab: Lab) -> AbstractContextManager[None]:
        try:
            firewalls.fetch()
        except NotPossible as reason:
            pytest.skip(str(reason))
        return firewalls.firewall(lab, "node1", kind)

    return spoil


def tls(lab: Lab) -> AbstractContextManager[None]:
    faults.change(lab, "node1", ["tls=1"])
    return nullcontext()


@pytest.mark.parametrize(
    ("spoil", "check", "command"),
    [
        (wall("ufw"), "reach.random", "ufw allow from 10.77.0.10"),
        (wall("firewalld"), "reach.hccl", "firewall-cmd --zone=trusted --add-source=10.77.0.10"),
        (tls, "hccn.tls", "hccn_tool -i $i -tls -s enable 0"),
    ],
    ids=["ufw", "firewalld", "tls"],
)
def test_a_fix_helps_and_is_taken_back(
    tool: Tool, profile: ProfileMaker, spoil: Spoil, check: str, command: str
) -> None:
    with spoil(tool.lab):
        before, fixed, back = there_and_back(tool, profile(), check)
    wrong = [f for f in before if f["severity"] == "blocker"]
    assert [f["node"] for f in wrong] == [1], before
    assert command in wrong[0]["command"] and wrong[0]["fixable"]
    assert {f["severity"] for f in fixed} == {"ok"}, fixed
    assert [f["key"] for f in back if f["severity"] == "blocker"] == [wrong[0]["key"]], back
