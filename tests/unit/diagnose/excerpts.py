"""The excerpts in ``lines/*.txt``: realistic log lines for every entry of the catalogue.

A section is ``=== ENTRY [name=value ...]``; the values are what must be read from the lines, and
``kind=note`` or ``kind=secondary`` say that the entry must not be an answer. ``> `` marks the line
that must be named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "lines"
_PAIR = re.compile(r"(\w+)=(.*?)(?= \w+=|$)")


@dataclass
class Excerpt:
    """One section."""

    entry: str
    where: str
    kind: str = "cause"
    values: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    marked: int = -1


def read() -> list[Excerpt]:
    """Return all excerpts."""
    found: list[Excerpt] = []
    for file in sorted(FOLDER.glob("*.txt")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("=== "):
                entry, _, rest = line[4:].partition(" ")
                values = dict(_PAIR.findall(rest))
                kind = values.pop("kind", "cause")
                found.append(Excerpt(entry, f"{file.name}:{number}", kind, values))
                continue
            if line.startswith("> "):
                found[-1].marked = len(found[-1].lines)
            found[-1].lines.append(line.removeprefix("> "))
    return found
