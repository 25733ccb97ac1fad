"""One turn of a conversation: thinking folded apart, tool calls, the answer as Markdown.

What the user wrote is shown as it was sent: no Markdown, every line by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Collapsible, Markdown, Static
from textual.widgets.markdown import MarkdownStream

from glm47_tui.widgets.say import words


class Answer(Markdown):
    """Markdown whose list marks are ASCII."""

    BULLETS = ["- ", "* ", "+ ", "- ", "* "]  # noqa: RUF012 - Textual's own type


class TurnView(Vertical):
    """Head line, thinking, tool calls, text, foot line; texts grow while the answer streams."""

    def __init__(self, kind: str) -> None:
        super().__init__(classes=f"-{kind}")
        self._plain = kind == "user"
        self._stream: MarkdownStream | None = None
        self._written = 0
        self._thought = 0
        self._finished = False

    def compose(self) -> ComposeResult:
        """Make the parts; those without content are not shown."""
        yield Static(classes="turn-head", markup=False)
        with Collapsible(
            title="", collapsed_symbol="+", expanded_symbol="-", classes="turn-thinking"
        ):
            yield Static(classes="turn-thought", markup=False)
        yield Static(classes="turn-calls", markup=False)
        yield Static(classes="turn-said", markup=False)
        yield Answer(classes="turn-text", open_links=False)
        yield Static(classes="turn-foot", markup=False)

    def head(self, content: Content) -> None:
        """Write the first line."""
        self.query_one(".turn-head", Static).update(content)

    def foot(self, content: Content | None) -> None:
        """Write the last line, or leave it out."""
        line = self.query_one(".turn-foot", Static)
        line.display = content is not None
        if content is not None:
            line.update(content)

    def thinking(self, title: str, text: str) -> None:
        """Show the thinking, folded until the user opens it."""
        fold = self.query_one(Collapsible)
        fold.display = bool(text)
        fold.title = words(title)
        if len(text) != self._thought:
            self._thought = len(text)
            self.query_one(".turn-thought", Static).update(Content(text))

    def calls(self, lines: Sequence[str]) -> None:
        """Show tool calls."""
        calls = self.query_one(".turn-calls", Static)
        calls.display = bool(lines)
        calls.update(Content("\n").join(Content.assemble((x, "$text-accent")) for x in lines))

    async def text(self, whole: str, *, done: bool) -> None:
        """Bring the answer up to date: in pieces while it streams, once as a whole at the end."""
        answer, said = self.query_one(Answer), self.query_one(".turn-said", Static)
        answer.display = bool(whole) and not self._plain
        said.display = bool(whole) and self._plain
        if self._plain:
            said.update(Content(whole))
            return
        if self._finished:
            return
        if done:
            self._finished = True
            if self._stream is not None:
                await self._stream.stop()
            await answer.update(whole)
            return
        if len(whole) > self._written:
            if self._stream is None:
                self._stream = Markdown.get_stream(answer)
            await self._stream.write(whole[self._written :])
            self._written = len(whole)
