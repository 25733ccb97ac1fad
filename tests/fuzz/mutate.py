"""Mutating what nodes really say, the way broken tools, terminals and connections do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

ODD = (
    "\x00", "\x1b[31m", "\x1b]0;title\x07", "\x1b", "\r", "\r\n", "\t", "\n\n", "|", "||", "-",
    "NA", "@@ ", "@@ section x", "@query", "@file ", "@disk ", "@model ", "@npu ", "@get ",
    "@owner ", " ", "999999999999999999999999", "-1", "0x1F", "1e309", "nan", "{", "}", "[", "[[",
    '"', "\\", "'", "\u202e", "\ufffd", "\U0001f4a5", "\u6c49\u5b57", "::", "/", "%", "=", ":",
    ",", "\x85", "\u2028",
)  # fmt: skip
"""Words that have broken parsers elsewhere: escapes, markers of our own, numbers without end."""


def _cut(text: str, rnd: random.Random) -> str:
    return text[: rnd.randrange(len(text) + 1)]


def _drop(text: str, rnd: random.Random) -> str:
    at = rnd.randrange(len(text) + 1)
    return text[:at] + text[at + rnd.randrange(1, 40) :]


def _insert(text: str, rnd: random.Random) -> str:
    at = rnd.randrange(len(text) + 1)
    return text[:at] + rnd.choice(ODD) * rnd.choice((1, 1, 1, 3, 200)) + text[at:]


def _flip(text: str, rnd: random.Random) -> str:
    if not text:
        return text
    at = rnd.randrange(len(text))
    return text[:at] + chr(rnd.choice((rnd.randrange(256), rnd.randrange(0xD800)))) + text[at + 1 :]


def _double(text: str, rnd: random.Random) -> str:
    at, end = sorted((rnd.randrange(len(text) + 1), rnd.randrange(len(text) + 1)))
    return text[:end] + text[at:end] + text[end:]


def _lines(text: str, rnd: random.Random) -> str:
    lines = text.split("\n")
    how = rnd.randrange(3)
    if how == 0:
        rnd.shuffle(lines)
    elif how == 1:
        lines = [x for x in lines if rnd.random() > 0.2]
    else:
        at = rnd.randrange(len(lines))
        words = lines[at].split(" ")
        rnd.shuffle(words)
        lines[at] = " ".join(words)
    return "\n".join(lines)


_WAYS: Sequence[Callable[[str, random.Random], str]] = (
    _cut,
    _drop,
    _insert,
    _flip,
    _double,
    _lines,
)


def mutate(text: str, rnd: random.Random) -> str:
    """Return the text after one to four accidents, at most 20,000 characters of it."""
    for _ in range(rnd.randrange(1, 5)):
        text = rnd.choice(_WAYS)(text, rnd)[:20_000]
    return text
