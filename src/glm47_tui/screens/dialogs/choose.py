"""A question with a few answers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from glm47_tui.i18n import Msg
from glm47_tui.screens.dialogs.base import Dialog
from glm47_tui.widgets.say import Say


class Choose(Dialog[str]):
    """Title, paragraphs, and one button an answer; hands back the answer's id.

    The last answer is what esc gives; ``default`` has the focus.
    """

    def __init__(
        self,
        title: Msg | str,
        paragraphs: Sequence[Msg | str],
        answers: Sequence[tuple[str, Msg | str]],
        *,
        default: str | None = None,
        code: str = "",
    ) -> None:
        super().__init__(title)
        self._paragraphs = paragraphs
        self._answers = answers
        self._default = default
        self._code = code

    def content(self) -> ComposeResult:
        """Make the paragraphs and, where there is one, the command they speak of."""
        for paragraph in self._paragraphs:
            yield Say(paragraph, classes="dialog-text")
        if self._code:
            yield Say(Msg.of("widgets.verbatim", text=self._code), classes="dialog-code")

    def choices(self) -> Sequence[tuple[str, Msg | str]]:
        """Return the answers."""
        return self._answers

    def on_mount(self) -> None:
        """Give the default the focus."""
        name = self._default or self._answers[-1][0]
        self.query_one(f"#choice-{name}").focus()
