"""A file to read: numbered lines in colour, notes under the lines they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

Note = tuple[str, str, str]
"""(mark, content style of the mark, words)"""

_LANGUAGE = {".sh": "bash", ".py": "python", ".json": "json", ".toml": "toml", ".patch": "diff"}


class TextPane(ScrollableContainer, can_focus=True):
    """Shows a text; scrolls both ways. The widget holds it as one renderable."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: object = None

    def compose(self) -> ComposeResult:
        """Make the text."""
        yield Static(markup=False, classes="text-pane-text")

    def show(self, text: str, path: str, notes: Mapping[int, Sequence[Note]] | None = None) -> None:
        """Show a file with line numbers, coloured by the kind its name tells."""
        key = (text, path, str(notes), self.app.theme)
        if key == self._shown:
            return
        new = self._shown is None or self._shown[:2] != key[:2]  # type: ignore[index]
        self._shown = key
        lines = _coloured(text, path)
        width = len(str(len(lines)))
        out: list[Content] = [_note(" " * width, note) for note in (notes or {}).get(0, ())]
        for number, line in enumerate(lines, 1):
            out.append(Content.assemble((f"{number:>{width}}  ", "$quiet"), line))
            out += [_note(" " * width, note) for note in (notes or {}).get(number, ())]
        self._put(Content("\n").join(out), home=new)

    def show_diff(self, text: str) -> None:
        """Show a unified diff; ``+`` and ``-`` say what the colours say."""
        if text == self._shown:
            return
        self._shown = text
        self._put(Content("\n").join(_diff_line(line) for line in text.splitlines()), home=True)

    def show_words(self, words: str) -> None:
        """Show a remark in place of a file."""
        if words != self._shown:
            self._shown = words
            self._put(Content.assemble((words, "$quiet")), home=True)

    def _put(self, content: Content, *, home: bool) -> None:
        self.query_one(Static).update(content)
        if home:
            self.scroll_home(animate=False)


def _coloured(text: str, path: str) -> list[Content]:
    suffix = "." + path.rpartition(".")[2]
    language = "bash" if path.startswith("#") else _LANGUAGE.get(suffix)
    if language is None:
        return [Content(line) for line in text.splitlines()]
    return list(highlight(text.rstrip("\n"), language=language, tab_size=4).split("\n"))


def _diff_line(line: str) -> Content:
    if line.startswith(("+++", "---")):
        return Content.assemble((line, "bold"))
    style = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}.get(line[:1], "")
    return Content.assemble((line, style))


def _note(indent: str, note: Note) -> Content:
    mark, style, words = note
    return Content.assemble(f"{indent}  ", (f"{mark} {words}", style))
