"""The scripts that look and change nothing: facts, reachability, NPU pings, the monitor.

They hold nothing of a profile: what they need comes as KEY=VALUE arguments.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import cache

from glm47_tui import assets


@cache
def probe_script() -> str:
    """Return the script that gathers a node's facts."""
    parts = sorted(assets.path("scripts", "probe").glob("*.sh"))
    return "".join(p.read_text("utf-8") for p in parts) + assets.text("scripts", "probe.sh")


@cache
def reach_script() -> str:
    """Return the script that tries the ports between nodes, the programs it may use in front."""
    programs = (("PROGRAM", "reach.py"), ("PERL", "reach.pl"))
    head = "".join(
        f"{name}={shlex.quote(assets.text('scripts', 'checks', f))}\n" for name, f in programs
    )
    return head + assets.text("scripts", "checks", "reach.sh")


@cache
def hccn_ping_script() -> str:
    """Return the script that pings NPUs of other nodes."""
    return assets.text("scripts", "checks", "hccn_ping.sh")


@cache
def monitor_script() -> str:
    """Return the script of the monitor."""
    return assets.text("scripts", "monitor.sh")


LOOKS: dict[str, Callable[[], str]] = {
    "probe": probe_script,
    "reach": reach_script,
    "hccn_ping": hccn_ping_script,
    "monitor": monitor_script,
}
"""By name, as they lie in the folder that is written: ``looks/<name>.sh``."""
