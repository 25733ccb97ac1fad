"""What a check says: data, put into words by the faces."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from glm47_tui.i18n import Msg


class Severity(str, Enum):
    """How much a finding weighs. A blocker stops Deploy; a warning can be accepted by name."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    BLOCKER = "blocker"
    UNKNOWN = "unknown"
    """The check could not look (a probe hit its limit, a tool is missing): never counted as OK."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check for one node (``node`` None: the nodes against each other).

    ``found`` says what is true, ``why`` why it matters, ``fix`` what to do; ``command`` is the fix
    as a shell line. ``fixable`` marks a command that is safe and undoable, with ``undo`` beside
    it. ``source`` names where the rule comes from.
    """

    check: str
    """Id of the check, ``group.name``: stable, used by ``accepted`` in the profile."""
    severity: Severity
    node: int | None
    found: Msg
    why: Msg | None = None
    fix: Msg | None = None
    command: str = ""
    undo: str = ""
    fixable: bool = False
    source: str = ""

    @property
    def key(self) -> str:
        """What the profile's ``accepted`` list names: the check, and its node if it has one."""
        return self.check if self.node is None else f"{self.check}@node{self.node}"
