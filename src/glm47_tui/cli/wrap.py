"""Long texts on a terminal: broken between words (between any two Han characters), hung under."""

from __future__ import annotations

import re
import shutil
import sys

_HAN = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_OPEN, _CLOSE = "\uff08\u201c\u300a", "\uff0c\u3002\uff1a\uff1b\uff09\uff01\uff1f\u3001\u201d\u300b"
_UNIT = re.compile(rf"[{_OPEN}]*(?:[{_HAN}]|[^\s{_HAN}{_OPEN}{_CLOSE}]+)?[{_CLOSE}]*\s*")
"""What stays together: a word or one Han character, with the punctuation that belongs to it."""


def terminal_width() -> int | None:
    """Return the columns of the terminal on standard output; None where that is none.

    What goes to a file or a program stays on one line, for grep.
    """
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cells(text: str) -> int:
    """Return how many cells a terminal gives a text. (For ASCII without the import of rich.)"""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrapped(text: str, width: int | None, indent: int) -> list[str]:
    """Break a text into lines of ``width`` cells; all but the first begin with ``indent`` blanks.

    A word that is longer than a line is left whole: it may be a path to copy.
    """
    if width is None or width - indent < 20:
        return [text]
    lines: list[str] = []
    line = ""
    for unit in _UNIT.findall(text):
        if line.strip() and cells(line + unit.rstrip()) > width:
            lines.append(line.rstrip())
            line = " " * indent
        line += unit
    return [*lines, line.rstrip()] if line.strip() else lines or [""]
