"""The keys that work now, in two lines at the bottom: the screen's own, then the wizard's."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from glm47_tui.widgets.say import Say, words


class KeyRow(Footer):
    """Keys of one kind: of the app (``general``) or of the screen and what has focus."""

    def __init__(self, *, general: bool, id: str) -> None:
        super().__init__(id=id, show_command_palette=False)
        self._general = general

    def compose(self) -> ComposeResult:
        """Make one clickable key per action, described in the current language."""
        if not self._bindings_ready:
            return
        seen: set[str] = set()
        for _, binding, enabled, tooltip in self._in_order():
            if binding.action in seen:
                continue
            seen.add(binding.action)
            yield FooterKey(
                binding.key,
                key_name(self.app, binding),
                words(binding.description),
                binding.action,
                disabled=not enabled,
                tooltip=tooltip,
            ).data_bind(compact=Footer.compact)

    def _in_order(self) -> list[ActiveBinding]:
        """Return the bindings to show, the app's in the order it lists them.

        Keys that the focused widget would take as text are left out.
        """
        typing = self.screen.focused
        shown = [
            active
            for active in self.screen.active_bindings.values()
            if active.binding.show
            and isinstance(active.node, App) is self._general
            and not (typing and typing.check_consume_key(active.binding.key, _character(active)))
        ]
        if not self._general:
            return shown
        keys = [
            k for b in type(self.app).BINDINGS if isinstance(b, Binding) for k in b.key.split(",")
        ]
        return sorted(
            shown, key=lambda a: keys.index(a.binding.key) if a.binding.key in keys else 99
        )

    def relabel(self) -> None:
        """Describe the keys in the current language."""
        if self.is_attached:
            self.call_after_refresh(self.recompose)


def key_name(app: App[object], binding: Binding) -> str:
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
