"""Where a line may break in Chinese: between any two characters, but for marks that cling.

Rich and Textual break at blanks alone, so that a Chinese clause counts as one word: a line ends
early before it (a mark stands alone, the words under it), or is cut before a full stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import rich._wrap

_HAN = "\u2e80-\u2fff\u3040-\u31ff\u3400-\u9fff\uf900-\ufaff"
_OPEN = "\u201c\u2018\uff08\u300a\u300c\u3010"
"""They end no line: what follows stays with them."""
_CLOSE = "\uff0c\u3002\u3001\uff1a\uff1b\uff1f\uff01\u201d\u2019\uff09\u300b\u300d\u3011"
"""They begin no line: they stay with what is before."""
_CHINESE = re.compile(f"[{_HAN}]")
_WORD = re.compile(rf"\s*(?:[{_OPEN}]*(?:[{_HAN}]|[^\s{_HAN}{_OPEN}{_CLOSE}]+)[{_CLOSE}]*|\S)\s*")
_latin_words = rich._wrap.words


def words(text: str) -> Iterable[tuple[int, int, str]]:
    """Yield each piece that must stay together, with its beginning and end in the text."""
    if not _CHINESE.search(text):
        yield from _latin_words(text)
        return
    for found in _WORD.finditer(text):
        yield found.start(), found.end(), found[0]


def install() -> None:
    """Break all texts of the app this way."""
    rich._wrap.words = words
