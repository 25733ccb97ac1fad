"""Message catalogs: one TOML file a room and language, read when first asked for.

Own code rather than gettext for three reasons: texts are asked for by id (engine data carry ids,
and a live language switch relabels by id), no compile step stands between a text and the screen,
and ``--help`` reads two small files only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = ("zh_CN", "en")
"""Supported languages, by locale name."""

_LOCALE = Path(__file__).resolve().parent / "locale"
_current = "en"
_providers: dict[str, Callable[[str], Mapping[str, str]]] = {}


@dataclass(frozen=True)
class Msg:
    """A text not yet put into words: a message id and the values it speaks of."""

    id: str
    args: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(id_: str, /, **args: Any) -> Msg:
        """Build a message; argument values may be messages themselves."""
        return Msg(id_, args)

    def __str__(self) -> str:
        return t(self)


def provide(room: str, texts: Callable[[str], Mapping[str, str]]) -> None:
    """Let a room's texts come from elsewhere than ``locale/``: ``texts(language)``, full ids.

    For data that carry their own words in both languages, as the failure catalogue does.
    """
    _providers[room] = texts
    _room.cache_clear()


@cache
def _room(lang: str, room: str) -> Mapping[str, str]:
    if room in _providers:
        return _providers[room](lang)
    file = _LOCALE / lang / f"{room}.toml"
    if not file.is_file():
        return {}
    with file.open("rb") as handle:
        return dict(_flatten(tomllib.load(handle), room))


def _flatten(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for key, value in table.items():
        name = f"{prefix}.{key}"
        if isinstance(value, Mapping):
            out.extend(_flatten(value, name))
        else:
            out.append((name, str(value)))
    return out


def catalog(lang: str, room: str) -> Mapping[str, str]:
    """Return all messages of one room, full ids to texts; empty when the room has none."""
    return _room(lang, room)


def language() -> str:
    """Return the language texts come out in at present."""
    return _current


def set_language(lang: str) -> None:
    """Choose the language of every text from now on; ValueError when it is not in LANGUAGES."""
    global _current  # noqa: PLW0603 - one process speaks one language at a time
    if lang not in LANGUAGES:
        raise ValueError(lang)
    _current = lang


def t(msg: Msg | str, /, **args: Any) -> str:
    """Return the words of a message in the current language.

    Values are put in by ``str.format``; a value that is a message is put into words first. An id
    that no catalog holds comes back as the id itself, so that a missing text is seen and never
    ends a deployment.
    """
    if isinstance(msg, Msg):
        args = {**msg.args, **args}
        id_ = msg.id
    else:
        id_ = msg
    room = id_.partition(".")[0]
    text = _room(_current, room).get(id_) or _room("en", room).get(id_)
    if text is None:
        return id_ if not args else f"{id_} {dict(args)}"
    try:
        return text.format(**{k: t(v) if isinstance(v, Msg) else v for k, v in args.items()})
    except (KeyError, IndexError, ValueError):
        return text


def sentences(*texts: str) -> str:
    """Return sentences one after another: with a blank between, but behind a full-width mark."""
    out = ""
    for text in texts:
        blank = " " if out and out[-1] not in "\u3002\uff01\uff1f\uff1b\uff1a\uff09\u201d" else ""
        out += blank + text
    return out
