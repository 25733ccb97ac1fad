"""The fast scan: big blocks of bytes in, the few lines that may matter out.

How 100 MB/s and more come out of CPython's ``re``: one expression is run once over each block. It
begins with a newline (found by memchr), takes a line's prefix (process, level, stamp) and then
either recognises a quiet line (INFO or DEBUG that does not begin like one of the few messages
asked for) without looking at its text, or yields the message without its prefix. Messages freed
of process and stamp repeat endlessly in storms of errors, so a set remembers those known to say
nothing; only new ones are looked at. They are searched for *fragments*: each anchor of the
catalogue is stood for by a part of it that begins with a character rare in logs, so that the
search skips most positions. A line that holds an anchor holds its fragment: nothing is lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

# Share of characters in vLLM logs, per mille, measured on generated logs of both nodes; what is
# not listed is rarer than all of these. Wrong numbers cost speed, never a finding.
_COMMON = ' ertoi1n0ps:ac2.lu/_dg4mhPRvOTk3^,-8()=5Iy7"xASW6E[]F9NKwqf%HbGUV*'
_FRAGMENT = 12
_SHORTEST = 8  # or the whole anchor, where that is shorter
_MEMORY = 8192
_LONGEST = 400

# Prefixes, in the order of lines.py. A message must begin where these end.
_DOCKER = rb"(?:20\d\d-\d\d-\d\dT[^ \n]* )?"
_PROCESS = rb"(?:[\x1b(][^ \n]* (?:pid=\d+|[\w=]+ pid=\d+)\)(?:\x1b\[0;0m)? )?"
_STAMPED = rb"[A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]\n]*\] "
_GLOG = rb"(?:\[rank\d+\]:)?\[[IWEF]\d{3,4} \d\d:\d\d:\d\d[^ \n]* [^\]\n]*\] "
_PYLOG = rb"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ \d+ [^\]\n]*\] "
_PLOG = rb"\[[A-Z]+\] ?\w+\(\d+,[^)\n]*\): ?[\d:.-]+ ?"
_NPU = rb"\[[A-Z]+\] 20[\d:-]+[^ \n]* (?:\(PID:[^)\n]*\) )?"

_UVICORN = rb"(?:INFO|WARNING|ERROR|CRITICAL): +"
_RANK = rb"\[rank\d+\]: "


def _starts(words: Iterable[str]) -> bytes:
    heads = sorted({word.encode()[:6] for word in words})
    return rb"(?!" + trie(heads) + rb")" if heads else b""


def message_pattern(quiet: Iterable[str]) -> re.Pattern[bytes]:
    """Return the expression that yields messages: group 1, empty for quiet lines.

    ``quiet`` are beginnings of messages wanted even at level INFO or DEBUG.
    """
    words = tuple(quiet)
    unless = _starts(words)
    silent = (
        rb"INFO(?: [^\]\n]*\] " + unless + rb"|: +(?! )" + unless + rb")"
        rb"|DEBUG [^\]\n]*\] " + unless + rb"|\[(?:INFO|DEBUG|EVENT)\] "
    )
    prefix = rb"(?:" + rb"|".join((_STAMPED, _GLOG, _PYLOG, _PLOG, _NPU, _UVICORN, _RANK)) + rb")?"
    return re.compile(
        rb"\n" + _DOCKER + _PROCESS + rb"(?:" + silent + rb"|" + prefix + rb"([^\n]*))"
    )


def trie(words: Iterable[bytes]) -> bytes:
    """Return an expression for any of the words, sharing their beginnings.

    ``re`` tries the branches of a plain alternation one by one; here each level has few.
    """
    root: dict[int, dict] = {}  # type: ignore[type-arg]
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})
        node[-1] = {}
    return _branches(root)


def _branches(node: dict[int, dict]) -> bytes:  # type: ignore[type-arg]
    if -1 in node or not node:
        return b""
    branches = [re.escape(bytes([char])) + _branches(below) for char, below in sorted(node.items())]
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"


def fragments(anchors: Iterable[str]) -> dict[str, bytes]:
    """Return a part of each anchor to search for, all beginning with few, rare characters."""
    wanted = {anchor: anchor.encode() for anchor in anchors}
    begins = [frozenset(raw[: _room(raw)]) for raw in wanted.values()]
    allowed = frozenset(range(256))
    for char in _COMMON.encode():
        rest = allowed - {char}
        if all(begin & rest for begin in begins):
            allowed = rest
    rank = {char: place for place, char in enumerate(_COMMON.encode())}
    found = {}
    for anchor, raw in wanted.items():
        places = [at for at in range(_room(raw)) if raw[at] in allowed]
        at = max(places, key=lambda place: rank.get(raw[place], 999))
        found[anchor] = raw[at : at + _FRAGMENT]
    return found


def _room(anchor: bytes) -> int:
    """How many places of an anchor leave enough behind them for a fragment."""
    return max(len(anchor) - _SHORTEST, 0) + 1


class Scanner:
    """Finds messages with anchors in blocks. One a log: it remembers what it has seen."""

    def __init__(self, anchors: Iterable[str], quiet: Iterable[str]) -> None:
        stands_for = fragments(anchors)
        parts = set(stands_for.values())
        # A fragment that holds another one is found with it.
        kept = sorted(p for p in parts if not any(o != p and o in p for o in parts))
        self._fragment = re.compile(trie(kept))
        self._every = re.compile(rb"(?=(" + trie(kept) + rb"))")
        self._anchors = {
            part: [a.encode() for a, f in stands_for.items() if part in f] for part in kept
        }
        self._message = message_pattern(quiet)
        self._dull: set[bytes] = {b""}

    def share(self) -> Scanner:
        """Return a scanner for another log, with the same expressions and an empty memory."""
        other = object.__new__(Scanner)
        other._fragment, other._message = self._fragment, self._message
        other._every, other._anchors = self._every, self._anchors
        other._dull = {b""}
        return other

    def interesting(self, block: bytes) -> tuple[set[bytes], list[bytes]]:
        """Return (messages new or worth a look, all messages) of a block.

        The block begins with a newline and ends before one.
        """
        messages = self._message.findall(block)
        fresh = set(messages)
        fresh -= self._dull
        return {m for m in fresh if self._fragment.search(m) or self._forget(m)}, messages

    def _forget(self, message: bytes) -> bool:
        if len(message) <= _LONGEST:
            if len(self._dull) >= _MEMORY:
                self._dull = {b""}
            self._dull.add(message)
        return False

    def anchors(self, message: bytes) -> list[bytes]:
        """Return the anchors that stand in a message."""
        parts = set(self._every.findall(message))
        return [a for part in parts for a in self._anchors[part] if a in message]

    def dull(self, message: bytes) -> None:
        """Remember that a message says nothing, although a fragment stands in it."""
        self._forget(message)

    def places(self, block: bytes, wanted: set[bytes]) -> Iterator[tuple[int, int, bytes]]:
        """Yield (line start, message start, message) for each wanted message, in order."""
        for found in self._message.finditer(block):
            message = found[1]
            if message in wanted:
                yield found.start() + 1, found.start(1), message

    @staticmethod
    def count(messages: list[bytes], known: Iterable[bytes]) -> Counter[bytes]:
        """Return how often each known message stands in a block."""
        some = set(known)
        return Counter(m for m in messages if m in some) if some else Counter()
