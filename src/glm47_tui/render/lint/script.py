"""A rendered launch script as settings, each with the line it stands on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_EXPORT = re.compile(r"export ([A-Za-z_][A-Za-z0-9_]*)=(.*)")


@dataclass(frozen=True)
class Setting:
    """A flag or a variable as it is written; ``line`` counts from 1."""

    name: str
    values: tuple[str, ...]
    line: int

    @property
    def value(self) -> str:
        """The first value, empty when there is none."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True)
class Script:
    """One node's launch script, taken apart."""

    node: int
    file: str
    flags: tuple[Setting, ...]
    env: tuple[Setting, ...]
    strays: tuple[Setting, ...] = ()
    """Words before the first flag of ``vllm serve`` that belong to nothing."""

    def flag(self, name: str) -> Setting | None:
        """The last setting of a flag (the one that counts)."""
        found = [x for x in self.flags if _plain(x.name) == name]
        return found[-1] if found else None

    def variable(self, name: str) -> Setting | None:
        """The last setting of an environment variable."""
        found = [x for x in self.env if x.name == name]
        return found[-1] if found else None

    def number(self, name: str) -> int | None:
        """A flag's value as a number; None when it is absent or none."""
        found = self.flag(name)
        return int(found.value) if found and found.value.isdigit() else None


def _plain(name: str) -> str:
    return name.replace("_", "-") if name.startswith("--") else name


def read(node: int, file: str, text: str) -> Script:
    """Take a launch script apart."""
    flags: list[Setting] = []
    strays: list[Setting] = []
    env: list[Setting] = []
    serving = False
    for number, line in enumerate(text.splitlines(), 1):
        if found := _EXPORT.fullmatch(line):
            env.append(Setting(found[1], (" ".join(shlex.split(found[2])),), number))
        elif line.startswith("vllm serve "):
            serving = True
        elif serving:
            for setting in _flags(shlex.split(line.removesuffix("\\")), number):
                (flags if setting.name.startswith("-") else strays).append(setting)
    return Script(node, file, tuple(flags), tuple(env), tuple(strays))


def _flags(words: list[str], line: int) -> Iterator[Setting]:
    name = ""
    values: list[str] = []
    for word in words:
        if _is_flag(word):
            if name:
                yield Setting(name, tuple(values), line)
            name, has_value, value = word.partition("=")
            values = [value] if has_value else []
        elif name:
            values.append(word)
        else:
            yield Setting(word, (), line)
    if name:
        yield Setting(name, tuple(values), line)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and not re.fullmatch(r"-[0-9.]+", word)
