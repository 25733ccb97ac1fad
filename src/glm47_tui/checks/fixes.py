"""Applying a finding's fix, and taking it back: only what the finding itself marks as safe."""

from __future__ import annotations

from typing import Protocol

from glm47_tui.checks.finding import Finding
from glm47_tui.errors import CheckFailed
from glm47_tui.i18n import Msg

FIX_TIMEOUT_S = 60.0
"""Seconds a fix may take: all of them are quick; starting Docker is the slowest."""


class FixResult(Protocol):
    """What is read of a finished command."""

    @property
    def out(self) -> str:
        """Standard output."""

    @property
    def err(self) -> str:
        """Standard error."""

    @property
    def code(self) -> int:
        """Exit code."""


class Fixes(Protocol):
    """What is needed of a connection (``remote.Connection``)."""

    def run(self, script: str, *args: str, timeout: float) -> FixResult:
        """Run a script on the node."""


def apply_fix(connection: Fixes, finding: Finding) -> str:
    """Run a finding's command on its node; returns what the node said.

    ValueError when the finding offers none (a mistake of the caller). CheckFailed when the command
    ends with an error; RemoteError as the connection raises it. Look again afterwards: the word of
    a command is no proof.
    """
    if not finding.fixable or not finding.command:
        raise ValueError(finding.key)
    return _run(connection, finding, finding.command)


def undo_fix(connection: Fixes, finding: Finding) -> str:
    """Take a fix back by the finding's ``undo``; errors as :func:`apply_fix`."""
    if not finding.fixable or not finding.undo:
        raise ValueError(finding.key)
    return _run(connection, finding, finding.undo)


def _run(connection: Fixes, finding: Finding, command: str) -> str:
    result = connection.run(f"{{ {command}\n}} </dev/null\n", timeout=FIX_TIMEOUT_S)
    said = "\n".join(x.strip() for x in (result.out, result.err) if x.strip())
    if result.code != 0:
        raise CheckFailed(
            Msg.of("checks.fix_failed", command=command, code=result.code),
            why=Msg.of("checks.fix_said", said=said[:400] or "-"),
            fix=Msg.of("checks.fix_by_hand"),
            node=None if finding.node is None else f"node{finding.node}",
        )
    return said
