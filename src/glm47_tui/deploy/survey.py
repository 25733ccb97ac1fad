"""The states of many steps in one round trip.

The scripts of the steps are sent as they are, wrapped so that they run side by side on the node
and their answers come back one after another, each between ``@@ part ID`` and ``@@ end ID CODE``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from glm47_tui.node.text import clean

SURVEY: Final = ("workdir", "image", "files", "container", "model", "patches", "launch")
"""Steps with a state, in the order they are brought about."""

PART_S: Final = 60
"""Seconds one step may take to say its state."""

TIMED_OUT: Final = 124
"""Exit code of coreutils' ``timeout`` when the limit was reached."""


@dataclass(frozen=True)
class State:
    """What a step said of a node.

    ``word``: ``done``, ``missing``, ``differs``, ``broken``, ``dead`` (an engine that ended), or
    ``unknown`` (it gave no state). ``lines`` are for people; ``code`` is the script's exit code.
    """

    word: str
    facts: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    code: int = 0

    def fact(self, key: str) -> str | None:
        """Return the value of the last ``@@ key value`` line."""
        found = self.all(key)
        return found[-1] if found else None

    def all(self, key: str) -> tuple[str, ...]:
        """Return the values of all ``@@ key value`` lines."""
        return tuple(" ".join(words[1:]) for words in self.facts if words[0] == key)

    def has(self, key: str) -> bool:
        """Whether there is a ``@@ key`` line."""
        return any(words[0] == key for words in self.facts)


@dataclass(frozen=True)
class Part:
    """One script of a bundle. ``first``: it ends before the others begin."""

    id: str
    script: str
    args: tuple[str, ...] = ("state",)
    first: bool = False


def bundle(parts: Sequence[Part]) -> str:
    """Return one script that runs all parts."""
    text = ["set -u"]
    for number, part in enumerate(parts):
        mark = f"GLM47_TUI_PART_{number}"
        if mark in part.script:
            raise ValueError(part.id)
        words = shlex.join(part.args)
        text += [
            f"part{number}() {{",
            f"timeout -k 5 {PART_S} bash -s -- {words} 2>&1 <<'{mark}'",
            part.script.rstrip("\n"),
            mark,
            f"printf '\\n@@ end %s %s\\n' {shlex.quote(part.id)} $?",
            "}",
        ]
    text.append("main() {")
    for number, part in enumerate(parts):
        if part.first:
            text.append(f"printf '@@ part %s\\n' {shlex.quote(part.id)}; part{number}")
    rest = [number for number, part in enumerate(parts) if not part.first]
    text += [f"exec {{fd{n}}}< <(part{n})" for n in rest]
    text += [f"printf '@@ part %s\\n' {shlex.quote(parts[n].id)}; cat <&$fd{n}" for n in rest]
    text += ["}", "main </dev/null", ""]
    return "\n".join(text)


def read_state(lines: Iterable[str], code: int) -> State:
    """Read what one step printed."""
    facts: list[tuple[str, ...]] = []
    words: list[str] = []
    for line in lines:
        if line.startswith("@@ ") and line.split()[1:]:
            facts.append(tuple(line.split()[1:]))
        elif line.strip():
            words.append(line)
    states = [fact[1] for fact in facts if fact[0] == "state" and len(fact) > 1]
    return State(states[-1] if states else "unknown", tuple(facts), tuple(words), code)


def read_bundle(out: str) -> dict[str, State]:
    """Read what a bundle printed: the state of each part that came to its end."""
    found: dict[str, State] = {}
    current: list[str] = []
    for line in clean(out.replace("\r", "")).split("\n"):
        words = line.split()
        if words[:2] == ["@@", "part"]:
            current = []
        elif words[:2] == ["@@", "end"] and len(words) == 4:
            code = int(words[3]) if words[3].isdigit() else 255
            found[words[2]] = read_state(current, code)
        else:
            current.append(line)
    return found
