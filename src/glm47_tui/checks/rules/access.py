"""Can the nodes be looked at, and with enough rights?"""

from __future__ import annotations

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, block, check, ok, unknown, warn
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg

NEEDED_TOOLS = ("timeout", "sha256sum", "sed", "grep")
"""What the scripts call on a host besides bash itself."""


@check("access.login", src.SSH, fleet=True)
def login(fleet: FleetView) -> Answer:
    """Every node of the profile was reached and looked at."""
    said = []
    for index, spec in enumerate(fleet.profile.nodes):
        if index in fleet.facts:
            said.append(ok(node=index, host=spec.host))
            continue
        error = fleet.evidence.failures.get(index)
        what: object = type(error).__name__
        known = error if isinstance(error, UserError) else None
        if error is None:
            what = Msg.of("checks_access.login.none")
        elif known is not None:
            what = known.what
            if known.why is not None:
                what = Msg.of("checks_access.login.because", what=known.what, why=known.why)
        fix = known.fix if known is not None else None
        said.append(block("blocker", node=index, host=spec.host, error=what, fix_msg=fix))
    return said


@check("access.complete", src.SSH)
def complete(node: NodeView) -> Answer:
    """The probe ran to its end."""
    slow = node.facts.timed_out
    if not node.facts.complete:
        return unknown("cut")
    if slow:
        return warn("slow", probes=", ".join(slow))
    return ok(seconds=max(node.facts.millis.values(), default=0) / 1000)


@check("access.root", src.DOCKER, needs="sys")
def root(node: NodeView) -> Answer:
    """Docker, hccn_tool and the owners of ports need root's rights."""
    if node.facts.system.root:
        return ok()
    return warn(uid=node.facts.system.uid)


@check("access.tools", src.LINUX, needs="tools")
def tools(node: NodeView) -> Answer:
    """The scripts find what they call."""
    missing = [name for name in NEEDED_TOOLS if name not in node.facts.tools]
    return block(names=", ".join(missing)) if missing else ok()
