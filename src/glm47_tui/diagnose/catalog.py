"""The failure catalogue: ``assets/diagnoses/*.toml`` as typed entries, read once a process.

The format is described beside the data (``assets/diagnoses/README.md``). What is checked here is
what the engine relies on; that patterns and anchors belong together is proved by the tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from glm47_tui import assets
from glm47_tui.diagnose.values import Found, fields_of, fill_command
from glm47_tui.i18n import LANGUAGES, Msg, provide

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KINDS = ("primary", "secondary", "info")
BLAMES = ("self", "peer", "generic")
FOUND_BY = ("log", "answer", "metric", "check", "stall")
NODES = ("head", "worker", "any", "host")
CERTAINTIES = ("certain", "likely", "possible")
SOURCES = ("V", "S", "G")
TEXTS = ("title", "cause", "fix")
_VALUE_LIMIT = 200


class CatalogError(ValueError):
    """An asset of the catalogue does not hold; says which file, entry and field."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One failure; the fields are those of the data's README."""

    id: str
    number: int
    kind: str
    texts: Mapping[str, Mapping[str, str]]
    """Language -> ``title``, ``cause``, ``fix``."""
    source: str
    refs: tuple[str, ...]
    blames: str = "self"
    fatal: bool = True
    found_by: str = "log"
    nodes: str = "any"
    quiet: bool = False
    early: bool = False
    anchors: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unless: str = ""
    repeat: float = 0.0
    confirmed_by: tuple[str, ...] = ()
    secondary_to: tuple[str, ...] = ()
    certainty: str = "possible"
    command: str = ""

    @cached_property
    def _compiled(self) -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str] | None]:
        # Compiled when a line first holds an anchor: 200 patterns would cost the start 50 ms.
        unless = re.compile(self.unless) if self.unless else None
        return tuple(re.compile(p) for p in self.patterns), unless

    def match(self, message: str) -> dict[str, str] | None:
        """Return the values a message carries when this entry speaks of it, else None.

        ``message`` is one line without prefix, stamp and escape codes.
        """
        patterns, unless = self._compiled
        for pattern in patterns:
            found = pattern.search(message)
            if found and not (unless and unless.search(message)):
                return {k: v.strip()[:_VALUE_LIMIT] for k, v in found.groupdict().items() if v}
        return None

    @property
    def explains_death(self) -> bool:
        """True when a process that says this ends of it."""
        return self.kind == "primary" and self.fatal

    @cached_property
    def value_names(self) -> tuple[str, ...]:
        """Names of the values the texts and the command may speak of."""
        names: dict[str, None] = {}
        for words in (*self.texts["en"].values(), self.command):
            names.update(dict.fromkeys(fields_of(words)))
        return tuple(names)

    def say(self, part: str, values: Mapping[str, str]) -> Msg:
        """Return ``title``, ``cause`` or ``fix`` with the values put in, in no language yet."""
        args = {name: Found(values.get(name, "")) for name in self.value_names}
        return Msg(f"diagnosis.{self.id}.{part}", args)

    def say_command(self, values: Mapping[str, str]) -> str:
        """Return the command with the values put in and quoted; "" when there is none."""
        return fill_command(self.command, values) if self.command else ""


@dataclass(frozen=True, eq=False)
class Catalog:
    """All entries, in the order of the files."""

    entries: tuple[Entry, ...]
    by_id: Mapping[str, Entry] = field(repr=False)

    @staticmethod
    def load() -> Catalog:
        """Return the shipped catalogue; read and checked once a process (about 20 ms)."""
        return _shipped()

    @staticmethod
    def of(entries: Iterable[Entry]) -> Catalog:
        """Build a catalogue; CatalogError for an id twice or a reference to an unknown id."""
        listed = tuple(entries)
        by_id = {entry.id: entry for entry in listed}
        if len(by_id) != len(listed):
            twice = sorted({e.id for e in listed if by_id[e.id] is not e})
            raise CatalogError(f"ids used twice: {', '.join(twice)}")
        for entry in listed:
            for other in (*entry.confirmed_by, *entry.secondary_to):
                if other not in by_id or other == entry.id:
                    raise CatalogError(f"{entry.id}: refers to {other}")
        return Catalog(listed, by_id)


@cache
def _shipped() -> Catalog:
    return read(assets.path("diagnoses"))


def read(folder: Path) -> Catalog:
    """Read a catalogue from a folder of TOML files; CatalogError says what does not hold."""
    entries: list[Entry] = []
    for file in sorted(folder.glob("*.toml")):
        try:
            data = tomllib.loads(file.read_bytes().decode("utf-8"))
        except (OSError, ValueError) as error:
            raise CatalogError(f"{file.name}: {error}") from error
        entries += [_checked(raw, file.name) for raw in data.get("entry", [])]
    return Catalog.of(entries)


def _checked(raw: Mapping[str, Any], file: str) -> Entry:
    try:
        return _entry(raw)
    except (CatalogError, KeyError, TypeError, ValueError) as error:
        raise CatalogError(f"{file}: {raw.get('id', '?')}: {error}") from error


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": KINDS,
    "blames": BLAMES,
    "found_by": FOUND_BY,
    "nodes": NODES,
    "certainty": CERTAINTIES,
    "source": SOURCES,
}
_LISTS = ("anchors", "patterns", "confirmed_by", "secondary_to", "refs")


def _entry(raw: Mapping[str, Any]) -> Entry:
    values: dict[str, Any] = {k: v for k, v in raw.items() if k not in LANGUAGES}
    for name in _LISTS:
        if name in values:
            values[name] = tuple(str(v) for v in values[name])
    texts = {lang: {part: str(raw[lang][part]) for part in TEXTS} for lang in LANGUAGES}
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            raise CatalogError(f"{name} = {values[name]!r}, not one of {', '.join(choices)}")
    entry = Entry(texts=texts, **values)
    looks = entry.found_by in ("log", "stall")
    if looks and not (entry.anchors and entry.patterns):
        raise CatalogError("nothing to look for: anchors and patterns are needed")
    if any(len(anchor) < 5 for anchor in entry.anchors):
        raise CatalogError("an anchor shorter than 5 characters")
    if entry.quiet and any("[" in a or "\n" in a for a in entry.anchors):
        raise CatalogError("the anchors of a quiet entry are beginnings of messages")
    return entry


def _texts(lang: str) -> Mapping[str, str]:
    return {
        f"diagnosis.{entry.id}.{part}": words
        for entry in Catalog.load().entries
        for part, words in entry.texts[lang].items()
    }


provide("diagnosis", _texts)
