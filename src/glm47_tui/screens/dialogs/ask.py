"""What a connection asks: a secret, or whether to trust a host key."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Input

from glm47_tui.i18n import Msg
from glm47_tui.remote.api import HostKey, SecretRequest
from glm47_tui.screens.dialogs.base import Dialog
from glm47_tui.screens.dialogs.choose import Choose
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.line import Line
from glm47_tui.widgets.say import Say


class AskSecret(Dialog[str | None]):
    """Asks for a password, a passphrase or what the server wants to know; never shows a secret."""

    CHOICES = (("ok", "widgets.key.ok"), ("cancel", "widgets.key.cancel"))

    def __init__(self, request: SecretRequest) -> None:
        super().__init__(f"screens.ask.{request.kind}")
        self._request = request

    def content(self) -> ComposeResult:
        """Make words and input."""
        request = self._request
        yield Say(
            Msg.of("screens.ask.where", node=request.node, where=request.where),
            classes="dialog-text",
        )
        if request.attempt > 1:
            again = Msg.of("screens.ask.again", mark=glyph("bad"), attempt=request.attempt)
            yield Say(again, classes="dialog-text -wrong")
        if request.prompt:
            yield Say(Msg.of("widgets.verbatim", text=request.prompt), classes="dialog-text")
        yield Line(password=not request.echo, id="secret")
        yield Say("screens.ask.kept", classes="dialog-text -quiet")

    def on_mount(self) -> None:
        """Begin in the input."""
        self.query_one("#secret").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers."""
        event.stop()
        self.answer("ok")

    def answer(self, choice: str) -> None:
        """Hand back the secret, or None."""
        given = self.query_one("#secret", Input).value
        self.dismiss(given if choice == "ok" else None)


def ask_host_key(key: HostKey) -> Choose:
    """Make the dialog for a host key nobody vouched for."""
    return Choose(
        Msg.of("screens.ask.host_key", host=key.host, port=key.port),
        [
            Msg.of("screens.ask.host_key_text", node=key.node),
            Msg.of("screens.ask.fingerprint", kind=key.kind, fingerprint=key.fingerprint),
            "screens.ask.host_key_compare",
        ],
        [
            ("save", "screens.ask.trust_save"),
            ("once", "screens.ask.trust_once"),
            ("refuse", "screens.ask.refuse"),
        ],
    )
