"""Help pages that fit the terminal in both languages: a Han character takes two cells.

click wraps by characters and only at blanks, of which Chinese has few: lines ran past the edge and
names such as GLM47_TUI_PASSWORD were cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from glm47_tui.cli.wrap import cells, wrapped
from glm47_tui.i18n import t


class CellFormatter(click.HelpFormatter):
    """click's formatter, wrapping by cells and keeping words whole."""

    def write_text(self, text: str) -> None:
        """Write a paragraph, indented."""
        indent = self.current_indent
        lines = wrapped(" " * indent + text, max(self.width, indent + 30), indent)
        self.write("".join(f"{line}\n" for line in lines))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names and their words in two columns."""
        rows = list(rows)
        indent = self.current_indent
        names = min(max((cells(name) for name, _ in rows), default=0), col_max)
        start = indent + names + col_spacing
        for name, words in rows:
            head = " " * indent + name
            if cells(name) > names:
                self.write(f"{head}\n")
                head = ""
            head += " " * (start - cells(head))
            lines = wrapped(head + words, max(self.width, start + 20), start)
            self.write("".join(f"{line}\n" for line in lines))


class Context(click.Context):
    """A context whose help is written by :class:`CellFormatter`."""

    formatter_class = CellFormatter


def with_extras(words: str, extra: Iterable[tuple[str, str]]) -> str:
    """Append ``[default: 1; 0<=x<=9]`` in the user's language: pairs (``default``, value)."""
    pieces = [t(f"cli.heading.{kind}", value=value) for kind, value in extra]
    return f"{words}  [{'; '.join(pieces)}]" if pieces else words
