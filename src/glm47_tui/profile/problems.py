"""Validation errors in the user's words: what is wrong, where, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from glm47_tui.errors import ProfileProblem
from glm47_tui.i18n import Msg, t
from glm47_tui.i18n.catalog import catalog
from glm47_tui.profile.model import SCHEMA, Profile


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a profile. ``where`` is a TOML path such as ``nodes[1].ip``."""

    where: str
    what: Msg

    def __str__(self) -> str:
        return f"{self.where}: {t(self.what)}" if self.where else t(self.what)


class ProfileInvalid(ProfileProblem):
    """The profile does not hold; ``problems`` lists everything found, not only the first."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(Msg.of("profile.invalid", source=source, count=len(problems)))
        self.source = source
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  - {p}" for p in self.problems)])


def parse(data: Mapping[str, Any], source: str = "-") -> Profile:
    """Build a profile from a mapping; raises :class:`ProfileInvalid` with every problem."""
    version = data.get("schema")
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA:
        newer = Msg.of("profile.bad.schema_newer", value=version, known=SCHEMA)
        raise ProfileInvalid(source, (Problem("schema", newer),))
    try:
        return Profile.model_validate(dict(data))
    except ValidationError as error:
        raise ProfileInvalid(source, problems_of(error)) from None


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Translate pydantic's errors; duplicates from unions are folded into one."""
    found: dict[str, Problem] = {}
    items = error.errors(include_url=False)
    for item in items:
        # A list whose members are bad counts as empty, too: the members' own errors say it.
        loc = item["loc"]
        inner = any(len(i["loc"]) > len(loc) and i["loc"][: len(loc)] == loc for i in items)
        if item["type"] == "too_short" and inner:
            continue
        where = _where(loc)
        found.setdefault(where, Problem(where, _message(dict(item))))
    return tuple(found.values())


def _where(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "[" in part or part in {"constrained-str", "function-after"}:
            continue  # names that pydantic gives the branches of a union
        elif part.startswith("literal"):
            continue
        else:
            text += f".{part}" if text else part
    return text


def _message(item: dict[str, Any]) -> Msg:
    kind = item["type"]
    args = {k: v for k, v in (item.get("ctx") or {}).items() if k != "error"}
    args.setdefault("value", _short(item.get("input")))
    if item["loc"] == ("nodes",) and kind == "tuple_type" and isinstance(item["input"], Mapping):
        return Msg.of("profile.bad.nodes_table")
    id_ = f"profile.bad.{kind}"
    if id_ in catalog("en", "profile"):
        return Msg(id_, args)
    return Msg.of("profile.bad.other", value=args["value"], detail=item["msg"])


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"  # as TOML spells it
    text = repr(value) if not isinstance(value, str) else value
    return text if len(text) <= 60 else text[:57] + "..."
