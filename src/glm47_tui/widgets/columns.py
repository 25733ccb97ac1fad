"""Text in columns, measured in terminal cells (a Chinese character takes two)."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Bring a text to a width in cells: cut with ``~`` at the end, or filled with spaces.

    ``right`` fills on the left. Tabs and line ends become spaces first.
    """
    text = text.replace("\n", " ").replace("\t", " ")
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, max(width - 1, 0)) + "~" if width > 0 else ""
    return " " * (width - size) + text if right else text + " " * (width - size)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines of at most ``width`` cells, at blanks and between CJK characters."""
    lines = Text(text.replace("\t", " ")).wrap(Console(width=width), width, overflow="fold")
    return [line.plain.rstrip() for line in lines] or [""]


def duration(seconds: float) -> str:
    """Return a duration as ``7s``, ``2:05`` or ``1:02:03``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
