"""The tables of ``assets/lint``: what a version of vLLM or vllm-ascend reads."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from glm47_tui import assets
from glm47_tui.render.known import Versions, version_key


@dataclass(frozen=True)
class Flag:
    """A flag of ``vllm serve``. ``kind`` says what follows it (see docs/lint.md)."""

    name: str
    kind: str
    deprecated: bool = False


@dataclass(frozen=True)
class Table:
    """What one version of one package reads."""

    package: str
    version: str
    flags: Mapping[str, Flag] = field(default_factory=dict)
    """By every spelling, short ones too."""
    tool_parsers: frozenset[str] = frozenset()
    reasoning_parsers: frozenset[str] = frozenset()
    env: frozenset[str] = frozenset()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find_flag(self, word: str) -> Flag | None:
        """Return the flag a word names: underscores, ``--no-``, ``.key`` and unique beginnings too.

        vLLM's parser takes all of these (vllm/utils/argparse_utils.py).
        """
        name = word.partition("=")[0].partition(".")[0]
        name = name.replace("_", "-") if name.startswith("--") else name
        flag = self.flags.get(name) or (Flag("-O", "maybe") if name.startswith("-O") else None)
        if flag is None and name.startswith("--no-"):
            positive = self.flags.get("--" + name.removeprefix("--no-"))
            return positive if positive is not None and positive.kind == "bool" else None
        if flag is None and name.startswith("--"):
            starts = {f.name: f for f in self.flags.values() if f.name.startswith(name)}
            return next(iter(starts.values())) if len(starts) == 1 else None
        return flag


@cache
def _load(name: str) -> Table:
    data: dict[str, Any] = json.loads(assets.text("lint", f"{name}.json"))
    flags: dict[str, Flag] = {}
    for flag, what in data.get("flags", {}).items():
        for word in (flag, *what.get("alias", ())):
            flags[word] = Flag(flag, what["kind"], what.get("deprecated", False))
    return Table(
        package=data["package"],
        version=data["version"],
        flags=flags,
        tool_parsers=frozenset(data.get("tool_parsers", ())),
        reasoning_parsers=frozenset(data.get("reasoning_parsers", ())),
        env=frozenset(data["env"]),
        keys={key: tuple(below) for key, below in data.get("keys", {}).items()},
    )


@cache
def versions_with_table(package: str) -> tuple[str, ...]:
    """Versions of a package that have a table, oldest first."""
    files = assets.path("lint").glob(f"{package}-*.json")
    names = (file.stem.removeprefix(f"{package}-") for file in files)
    return tuple(sorted(names, key=version_key))


def table_for(package: str, versions: Versions) -> Table:
    """The table of a version, or of the next one before it (else of the oldest)."""
    wanted = version_key(versions.of(package))
    known = versions_with_table(package)
    best = [v for v in known if version_key(v) <= wanted]
    return _load(f"{package}-{best[-1] if best else known[0]}")


def closest(word: str, names: Iterable[str], cutoff: float = 0.75) -> str | None:
    """The name most like a word, None when nothing is like it."""
    found = difflib.get_close_matches(word, list(names), n=1, cutoff=cutoff)
    return found[0] if found else None
