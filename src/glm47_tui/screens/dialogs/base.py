"""What every dialog has: a title, words, a row of buttons; esc means no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button

from glm47_tui.i18n import Msg
from glm47_tui.widgets.say import Say, words

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

SHORT = 20
"""Characters of a label up to which buttons stand side by side."""


class Choice(Button):
    """A button by message id."""

    def __init__(self, label: Msg | str, id: str, *, kind: str = "") -> None:
        super().__init__(words(label), id=id, compact=True, classes=kind or None)
        self._msg = label

    def relabel(self) -> None:
        """Say it in the current language."""
        self.label = words(self._msg)


class Dialog(ModalScreen[T], Generic[T]):
    """A dialog. Subclasses give ``content()``, ``CHOICES`` and ``answer(choice)``.

    ``CHOICES`` are (id, label message id) pairs; the last is what esc answers.
    """

    CHOICES: ClassVar[Sequence[tuple[str, str]]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "widgets.key.cancel", show=False),
        Binding("left,up", "move(-1)", show=False),
        Binding("right,down", "move(1)", show=False),
    ]

    def __init__(self, title: Msg | str) -> None:
        super().__init__()
        self._title = title
        self._holds: Callable[[], bool] | None = None
        self._once_passed: Msg | str = ""

    def while_(self, holds: Callable[[], bool], passed: Msg | str) -> Self:
        """Ask only as long as the state asked about holds; ``passed`` is said when it has passed.

        The app, which hears of every change, takes the dialog away then.
        """
        self._holds, self._once_passed = holds, passed
        return self

    def take_back(self) -> None:
        """Close, answered by no, if there is nothing left to ask; and say why."""
        if self._holds is not None and self.is_current and not self._holds():
            self.notify(words(self._once_passed), markup=False)
            self.action_refuse()

    def compose(self) -> ComposeResult:
        """Make title, content and buttons."""
        with Vertical(id="dialog"):
            yield Say(self._title, id="dialog-title")
            with VerticalScroll(id="dialog-content", can_focus=False):
                yield from self.content()
            choices = self.choices()
            long = max(len(words(label)) for _, label in choices) > SHORT
            with Container(id="dialog-choices", classes="-stacked" if long else None):
                for id_, label in choices:
                    yield Choice(label, id=f"choice-{id_}")

    def content(self) -> ComposeResult:
        """Make what stands between title and buttons."""
        yield from ()

    def choices(self) -> Sequence[tuple[str, Msg | str]]:
        """Return the buttons: (id, label)."""
        return self.CHOICES

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by a button."""
        event.stop()
        self.answer((event.button.id or "").removeprefix("choice-"))

    def action_refuse(self) -> None:
        """Answer as the last button does."""
        self.answer(self.choices()[-1][0])

    def action_move(self, by: int) -> None:
        """Go from button to button."""
        if isinstance(self.focused, Button):
            (self.focus_next if by > 0 else self.focus_previous)(Button)

    def answer(self, choice: str) -> None:
        """Turn a button into the answer and close."""
        result: Any = choice
        self.dismiss(result)
