"""A profile being written: a tree of plain values that may still be wrong or missing.

Fields are named by TOML paths (``ssh.user``, ``nodes[1].ip``), as the profile room's problems are.
Nothing here imports pydantic until the draft is looked at, so that the first paint need not wait.
"""

from __future__ import annotations

import re
import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from glm47_tui.i18n import Msg
    from glm47_tui.profile import Profile

STAND_IN = {"host": "192.0.2.1", "nic": "eth0", "ip": "192.0.2.1"}
"""A node for looking at a draft that has none (RFC 5737 documentation address)."""


def split_path(path: str) -> tuple[str | int, ...]:
    """Split ``nodes[1].ssh.user`` into ``("nodes", 1, "ssh", "user")``."""
    parts = re.findall(r"[^.\[\]]+|\[\d+\]", path)
    return tuple(int(p[1:-1]) if p.startswith("[") else p for p in parts)


class Draft:
    """The tree, where it came from, and what is wrong with it."""

    def __init__(self, data: dict[str, Any] | None = None, source: Path | None = None) -> None:
        self.data: dict[str, Any] = data or {"schema": 1, "name": "", "nodes": []}
        self.source = source
        """File the profile was read from; None for a new one."""
        self.changed = False
        """Whether something was edited since it was read or saved."""
        self._seen: tuple[Profile | None, dict[str, Msg]] | None = None

    @property
    def name(self) -> str:
        """Name as written so far."""
        return str(self.data.get("name") or "")

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The nodes as written so far."""
        found = self.data.setdefault("nodes", [])
        return found if isinstance(found, list) else []

    def get(self, path: str) -> Any:
        """Return the value at a path, None when it is unset."""
        here: Any = self.data
        try:
            for part in split_path(path):
                here = here[part]
        except (KeyError, IndexError, TypeError):
            return None
        return here

    def set(self, path: str, value: Any) -> bool:
        """Set a value, None unsets it; tell whether anything changed."""
        if self.get(path) == value:
            return False
        *way, last = split_path(path)
        here: Any = self.data
        for part in way:
            here = here[part] if isinstance(part, int) else here.setdefault(part, {})
        if value is None:
            here.pop(last, None)
        else:
            here[last] = value
        self.touch()
        return True

    def touch(self) -> None:
        """Say that the data were edited."""
        self.changed = True
        self._seen = None

    def add_node(self, host: str, **values: Any) -> None:
        """Add a host at the end."""
        self.nodes.append({"host": host, **{k: v for k, v in values.items() if v}})
        self.touch()

    def remove_node(self, index: int) -> None:
        """Remove a host."""
        del self.nodes[index]
        self.touch()

    def move_node(self, index: int, by: int) -> bool:
        """Move a host up (-1) or down (+1); the first is the head."""
        target = index + by
        if not 0 <= target < len(self.nodes):
            return False
        self.nodes.insert(target, self.nodes.pop(index))
        self.touch()
        return True

    def look(self) -> tuple[Profile | None, dict[str, Msg]]:
        """Return the profile (None while it does not hold) and the problems by path."""
        if self._seen is None:
            from glm47_tui.profile import ProfileInvalid, parse

            try:
                self._seen = parse(deepcopy(self.data)), {}
            except ProfileInvalid as error:
                found = {p.where: p.what for p in error.problems}
                self._seen = None, {**self._whole(found), **found}
        return self._seen

    def _whole(self, found: dict[str, Msg]) -> dict[str, Msg]:
        """Find what is wrong between fields while nodes are missing (only whole drafts are)."""
        from glm47_tui.profile import ProfileInvalid, parse

        if not all(where.startswith("nodes") for where in found):
            return {}
        try:
            parse({**deepcopy(self.data), "nodes": [STAND_IN]})
        except ProfileInvalid as error:
            return {p.where: p.what for p in error.problems}
        return {}

    @property
    def profile(self) -> Profile | None:
        """The profile, None while the draft does not hold."""
        return self.look()[0]

    @property
    def problems(self) -> dict[str, Msg]:
        """What is wrong, by path; ``""`` stands for the whole."""
        return self.look()[1]

    def for_connecting(self) -> Profile | None:
        """Return a profile good enough to log in with: unknown NICs and addresses stand in."""
        from glm47_tui.profile import ProfileInvalid, parse

        data = deepcopy(self.data)
        data["name"] = data.get("name") or "draft"
        for i, node in enumerate(data.get("nodes", [])):
            node.setdefault("nic", STAND_IN["nic"])
            node.setdefault("ip", f"192.0.2.{i + 1}")
        try:
            return parse(data)
        except ProfileInvalid:
            return None

    @classmethod
    def read(cls, file: Path) -> Draft:
        """Read a draft or a profile that does not hold yet; OSError, ValueError for no TOML."""
        data = tomllib.loads(file.read_text("utf-8"))
        data.setdefault("nodes", [])
        return cls(data, file)

    @classmethod
    def of(cls, profile: Profile, source: Path | None = None) -> Draft:
        """Start from a profile."""
        from glm47_tui.profile import as_data

        return cls(as_data(profile), source)
