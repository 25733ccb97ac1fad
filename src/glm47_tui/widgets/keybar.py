"""The keys that work now, in two lines at the bottom: the screen's own, then the wizard's.

One widget draws a line: Textual's footer makes a widget a key and makes all of them anew with
every focus, which a busy machine shows.
"""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult, RenderResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from glm47_tui.widgets.say import Say, words


class KeyRow(Widget):
    """Keys of one kind: of the app (``general``) or of the screen and what has focus."""

    ALLOW_SELECT = False

    def __init__(self, *, general: bool, id: str) -> None:
        super().__init__(id=id)
        self._general = general
        self._shown: list[tuple[str, str, str]] = []
        """(key, its name on screen, description)"""

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._look()

    def on_unmount(self) -> None:
        """Follow no more."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[Any]) -> None:
        if self.is_attached and screen is self.screen:
            self._look()

    def relabel(self) -> None:
        """Describe the keys in the current language."""
        self._look()

    def _look(self) -> None:
        seen: set[str] = set()
        shown = []
        for active in self._in_order():
            binding = active.binding
            if binding.action not in seen:
                seen.add(binding.action)
                name = key_name(self.app, binding)
                shown.append((binding.key, name, words(binding.description)))
        if shown != self._shown:
            self._shown = shown
            self.refresh(layout=True)

    def _in_order(self) -> list[ActiveBinding]:
        """Return the bindings to show, the app's in the order it lists them.

        Keys that the focused widget would take as text are left out.
        """
        typing = self.screen.focused
        shown = [
            active
            for active in self.screen.active_bindings.values()
            if active.binding.show
            and active.enabled
            and isinstance(active.node, App) is self._general
            and not (typing and typing.check_consume_key(active.binding.key, _character(active)))
        ]
        if not self._general:
            return shown
        listed = [b.key for b in type(self.app).BINDINGS if isinstance(b, Binding)]
        keys = [key for several in listed for key in several.split(",")]
        return sorted(
            shown, key=lambda a: keys.index(a.binding.key) if a.binding.key in keys else 99
        )

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the keys are."""
        del container, viewport
        return sum(_width(name, what) for _, name, what in self._shown)

    def render(self) -> RenderResult:
        """Draw the keys."""
        parts: list[str | tuple[str, str]] = []
        room = self.size.width
        for _, name, what in self._shown:
            room -= _width(name, what)
            if room < 0:
                break  # half a key says nothing; help has them all
            parts += [(f" {name}", "bold $footer-key-foreground"), f" {what} "]
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """A click on a key is a press of it."""
        event.stop()
        x = 0
        for key, name, what in self._shown:
            x += _width(name, what)
            if event.x < x:
                self.app.simulate_key(key)
                return


def _width(name: str, what: str) -> int:
    return cell_len(name) + cell_len(what) + 3


def key_name(app: App[Any], binding: Binding) -> str:
    """Return what a key is called on screen."""
    shown = binding.key_display or app.get_key_display(binding)
    return shown.upper() if shown[0] == "f" and shown[1:].isdigit() else shown


def _character(active: ActiveBinding) -> str | None:
    key = active.binding.key
    return "?" if key == "question_mark" else key if len(key) == 1 else None


class KeyBar(Vertical):
    """Both lines; the second ends with what the session is doing."""

    def compose(self) -> ComposeResult:
        """Make the two lines."""
        yield KeyRow(general=False, id="keys-own")
        with Horizontal(id="keys-line"):
            yield KeyRow(general=True, id="keys-general")
            yield Say(id="doing")
