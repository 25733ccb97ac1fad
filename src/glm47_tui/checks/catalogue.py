"""The catalogue: every check with its id, group, title and source, and how a rule speaks.

A rule is one small function. It gets a node's view (``@check``, called once a node) or the view of
all nodes (``@check(..., fleet=True)``, called once), and returns what it says: ``ok(...)``,
``warn(...)`` and so on, or None where it does not apply. Its words are in the room
``checks_<group>``: ``<name>.title``, ``<name>.<variant>`` for what was found, ``<name>.why`` and
``<name>.fix``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glm47_tui.checks.finding import Severity
from glm47_tui.i18n import Msg


@dataclass(frozen=True)
class Says:
    """What a rule says: severity, the words' variant and their values.

    ``node`` is set by rules of the whole fleet that speak of one node. ``fix`` names another text
    than ``<name>.fix``; ``command`` and ``undo`` are shell lines.
    """

    severity: Severity
    variant: str
    args: Mapping[str, Any] = field(default_factory=dict)
    node: int | None = None
    fix: str = "fix"
    command: str = ""
    undo: str = ""
    msg: Msg | None = None
    """Found words from elsewhere, in place of the variant's."""
    fix_msg: Msg | None = None
    """What to do, in words from elsewhere, in place of ``fix``."""

    @property
    def fixable(self) -> bool:
        """A command with a way back is safe to offer."""
        return bool(self.command and self.undo)


Answer = Says | Iterable[Says] | None
Rule = Callable[[Any], Answer]


def _says(severity: Severity) -> Callable[..., Says]:
    def say(
        variant: str = severity.value,
        /,
        *,
        node: int | None = None,
        fix: str = "fix",
        command: str = "",
        undo: str = "",
        msg: Msg | None = None,
        fix_msg: Msg | None = None,
        **args: Any,
    ) -> Says:
        return Says(severity, variant, args, node, fix, command, undo, msg, fix_msg)

    return say


ok = _says(Severity.OK)
info = _says(Severity.INFO)
warn = _says(Severity.WARNING)
block = _says(Severity.BLOCKER)
unknown = _says(Severity.UNKNOWN)


def joined(said: Sequence[Msg], more: bool = False) -> Msg:
    """Put several texts behind one another, as the language does; ``more``: there are others."""
    if len(said) == 1:
        return Msg.of("checks.joined.more", first=said[0]) if more else said[0]
    return Msg.of("checks.joined.two", first=said[0], rest=joined(said[1:], more))


@dataclass(frozen=True)
class Check:
    """One check. ``needs`` names the probes it stands on: without them the answer is UNKNOWN."""

    id: str
    rule: Rule
    source: str
    needs: tuple[str, ...] = ()
    fleet: bool = False

    @property
    def group(self) -> str:
        """First half of the id; also the screen's grouping."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """Second half of the id."""
        return self.id.partition(".")[2]

    def text(self, name: str, /, **args: Any) -> Msg:
        """Return one of the check's texts."""
        return Msg(f"checks_{self.group}.{self.name}.{name}", args)

    @property
    def title(self) -> Msg:
        """What is looked at, in a few words."""
        return self.text("title")


REGISTRY: dict[str, Check] = {}
"""All checks by id, in the order in which they were written down."""


def check(
    id_: str, source: str, *, needs: tuple[str, ...] | str = (), fleet: bool = False
) -> Callable[[Rule], Rule]:
    """Enter a rule in the catalogue."""

    def enter(rule: Rule) -> Rule:
        if id_ in REGISTRY:
            raise ValueError(id_)
        wanted = (needs,) if isinstance(needs, str) else needs
        REGISTRY[id_] = Check(id_, rule, source, wanted, fleet)
        return rule

    return enter


GROUPS = (
    "access", "host", "version", "docker", "net", "reach", "ports", "npu", "hccn", "model", "same",
)  # fmt: skip
"""Groups in the order in which people read them; titles are ``checks.group.<name>``."""
