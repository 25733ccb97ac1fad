"""Chat: the model's answers streamed, thinking folded apart, tool calls, speed, verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from glm47_tui.i18n import Msg, t
from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.deploy_view import proof_words
from glm47_tui.screens.node_view import marked
from glm47_tui.widgets.glyphs import STYLE, glyph
from glm47_tui.widgets.prompt import Prompt
from glm47_tui.widgets.say import Say
from glm47_tui.widgets.talk import TurnView

if TYPE_CHECKING:
    from glm47_tui.session.talk import TalkRoom, Turn


class ChatScreen(StepScreen):
    """The conversation above, the question below."""

    STEP = "chat"
    CSS_PATH = ["frame.tcss", "chat.tcss"]  # noqa: RUF012 - Textual\'s own type
    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "halt", "screens.chat.key.stop"),
        Binding("ctrl+r", "retry", "screens.chat.key.retry"),
        Binding("ctrl+t", "thinking", "screens.chat.key.thinking"),
        Binding("f5", "sampling", "screens.chat.key.sampling"),
        Binding("f9", "verify", "screens.chat.key.verify"),
        Binding("f8", "clear", "screens.chat.key.clear"),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._views: list[tuple[Turn, TurnView]] = []
        self._dirty = False
        self._drawing = False

    def body(self) -> ComposeResult:
        """Make conversation, settings line and prompt."""
        with VerticalScroll(id="talk"):
            yield Say("screens.chat.begin", id="begin")
        yield Say(id="settings")
        yield Prompt(id="prompt")

    @property
    def room(self) -> TalkRoom:
        """The conversation."""
        return self.session.talk

    def follow(self, topics: frozenset[str]) -> None:
        """Draw new turns and what streams."""
        draft = self.session.draft
        if draft is None or draft.profile is None:
            self.query_one("#begin", Say).say("screens.deploy.no_profile")
            return
        self.query_one("#settings", Say).say(self._settings())
        if topics & {"chat", "tasks", "*"}:
            self._dirty = True
            if not self._drawing:
                self._drawing = True
                self.run_worker(self._keep_drawing(), group="turns", exit_on_error=False)

    def _settings(self) -> Msg:
        options = self.room.options

        def number(value: float | None) -> str:
            return "-" if value is None else f"{value:g}"

        return Msg.of(
            "screens.chat.settings",
            thinking=Msg("widgets.key.yes" if options.thinking else "widgets.key.no"),
            temperature=number(options.temperature),
            top_p=number(options.top_p),
            max_tokens=number(options.max_tokens),
            penalty=number(options.repetition_penalty),
        )

    async def _keep_drawing(self) -> None:
        """Draw until nothing new has come meanwhile; never two at a time, never half a drawing."""
        try:
            while self._dirty and self.is_attached:
                self._dirty = False
                await self._draw_turns()
        finally:
            self._drawing = False

    async def _draw_turns(self) -> None:
        talk = self.query_one("#talk", VerticalScroll)
        turns = self.room.turns
        kept = [(turn, view) for turn, view in self._views if any(turn is x for x in turns)]
        for turn, view in self._views:
            if not any(turn is x for x in turns):
                await view.remove()
        self._views = kept
        self.query_one("#begin", Say).display = not turns
        for turn in turns[len(kept) :]:
            view = TurnView(turn.role)
            await talk.mount(view)
            self._views.append((turn, view))
            talk.anchor()
        for turn, view in self._views:
            await self._draw_turn(turn, view)

    async def _draw_turn(self, turn: Turn, view: TurnView) -> None:
        view.head(Content.assemble((self._who(turn), "bold $text-primary")))
        thought = Msg.of("screens.chat.thinking", count=len(turn.reasoning))
        view.thinking(t(thought), turn.reasoning)
        view.calls([f"{c.name}({c.arguments})" for c in turn.calls.values()])
        view.foot(self._foot(turn))
        if turn.role == "verify":
            return
        await view.text(turn.content, done=turn.done)

    def _who(self, turn: Turn) -> str:
        if turn.role == "assistant" and self.session.draft is not None:
            from glm47_tui.session.fields import default_of

            name = self.session.draft.get("model.served_name") or default_of("model.served_name")
            return str(name)
        return t(f"screens.chat.who.{turn.role}")

    def _foot(self, turn: Turn) -> Content | None:
        lines: list[Content] = []
        for proof in turn.proofs:
            mark = "ok" if proof.ok else "bad"
            lines.append(marked(mark, proof_words(proof)))
        if turn.error is not None:
            lines.append(Content.assemble((f"{glyph('bad')} {turn.error}", STYLE["bad"])))
        if turn.loop is not None:
            told = Msg.of(
                "screens.chat.loop", times=turn.loop.times, text=turn.loop.text.strip()[:40]
            )
            lines.append(Content.assemble((f"{glyph('warn')} {t(told)}", STYLE["warn"])))
        if turn.stats is not None and turn.role == "assistant":
            lines.append(Content.assemble((t(_speed(turn)), "$quiet")))
        elif not turn.done:
            lines.append(
                Content.assemble((f"{glyph('run')} {t('screens.chat.waiting')}", "$quiet"))
            )
        return Content("\n").join(lines) if lines else None

    def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """Send the question."""
        if self.room.ask(event.text):
            self.query_one("#prompt", Prompt).text = ""

    def action_halt(self) -> None:
        """Stop the answer; when none is under way, leave the prompt."""
        if self.room.busy:
            self.room.stop()
        else:
            self.set_focus(self.query_one("#talk"))

    def action_retry(self) -> None:
        """Ask the last question again."""
        self.room.retry()

    def action_thinking(self) -> None:
        """Switch thinking on or off for the answers to come."""
        self.room.set_options(thinking=not self.room.options.thinking)

    def action_verify(self) -> None:
        """Run the verification."""
        self.room.check()

    def action_clear(self) -> None:
        """Begin a new conversation."""
        self.room.clear()

    def action_page(self, by: int) -> None:
        """Scroll the conversation while the prompt keeps the focus."""
        talk = self.query_one("#talk", VerticalScroll)
        talk.scroll_relative(y=by * max(talk.size.height - 2, 1), animate=False)

    def action_sampling(self) -> None:
        """Edit the sampling parameters."""
        from glm47_tui.screens.dialogs.sampling import sampling_form

        self.app.push_screen(sampling_form(self.room))


def _speed(turn: Turn) -> Msg:
    stats = turn.stats
    if stats is None:
        return Msg("screens.chat.waiting")
    rate = "-" if stats.tokens_per_s is None else f"{stats.tokens_per_s:.1f}"
    first = "-" if stats.first_token_s is None else f"{stats.first_token_s:.2f}"
    tokens = "-" if stats.completion_tokens is None else str(stats.completion_tokens)
    known = turn.finish in ("stop", "length", "tool_calls", "cancelled")
    finish = Msg(f"screens.chat.finish.{turn.finish}") if known else str(turn.finish or "-")
    values = {"first": first, "rate": rate, "tokens": tokens, "finish": finish}
    return Msg.of("screens.chat.speed", time=f"{stats.total_s:.1f}", **values)
