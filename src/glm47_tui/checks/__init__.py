"""Facts of all nodes judged: findings with what, why and how to mend it."""

from __future__ import annotations

from glm47_tui.checks.catalogue import GROUPS, Check
from glm47_tui.checks.evidence import Evidence, Gathering, Ping, Reach, Tell
from glm47_tui.checks.finding import Finding, Severity
from glm47_tui.checks.fixes import apply_fix, undo_fix
from glm47_tui.checks.gather import gather
from glm47_tui.checks.judge import CHECKS, blockers, is_accepted, open_warnings, run

__all__ = [
    "CHECKS",
    "GROUPS",
    "Check",
    "Evidence",
    "Finding",
    "Gathering",
    "Ping",
    "Reach",
    "Severity",
    "Tell",
    "apply_fix",
    "blockers",
    "gather",
    "is_accepted",
    "open_warnings",
    "run",
    "undo_fix",
]
