"""The chat: turns, streamed answers, sampling, the watch for loops, the verification."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from glm47_tui.deploy.events import Event, Verified
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.remote import connect_one
from glm47_tui.service import ChatOptions, Delta, LoopWatch, Service, Stats, open_service, verify
from glm47_tui.session.tasks import Task

if TYPE_CHECKING:
    from glm47_tui.remote import Connection
    from glm47_tui.service.loops import Loop
    from glm47_tui.session.session import Session

EXAMPLE_TOOLS: tuple[dict[str, Any], ...] = (
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city on a day",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "date": {"type": "string"}},
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "get_server_time",
            "description": "Current time of the server",
            "parameters": {"type": "object", "properties": {}},
        },
    },
)
"""Offered to the model on wish, so that a tool call can be seen."""

AGAIN_PENALTY = 1.05
"""Repetition penalty of a retry after a loop: enough to leave it, too little to spoil the words."""


@dataclass
class Call:
    """A tool call as far as it has come."""

    name: str = ""
    arguments: str = ""


@dataclass
class Turn:
    """One question or answer. Texts grow while the answer streams."""

    role: str
    content: str = ""
    reasoning: str = ""
    calls: dict[int, Call] = field(default_factory=dict)
    finish: str | None = None
    stats: Stats | None = None
    error: UserError | None = None
    loop: Loop | None = None
    proofs: list[Verified] = field(default_factory=list)
    done: bool = False

    def take(self, delta: Delta) -> None:
        """Add a piece."""
        self.content += delta.content
        self.reasoning += delta.reasoning
        for piece in delta.tools:
            call = self.calls.setdefault(piece.index, Call())
            call.name = piece.name or call.name
            call.arguments += piece.arguments
        if delta.stats is not None:
            self.stats, self.finish = delta.stats, delta.finish


class TalkRoom:
    """One conversation with the model of the draft's profile."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.turns: list[Turn] = []
        self.options = ChatOptions()
        self._service: Service | None = None
        self._connection: Connection | None = None
        self._profile: Profile | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer or a verification is under way."""
        return self.session.tasks.running("chat") or self.session.tasks.running("verify")

    @property
    def tools_on(self) -> bool:
        """Whether the example tools are offered."""
        return bool(self.options.tools)

    def set_options(self, **values: Any) -> None:
        """Change sampling or form of the answers to come."""
        self.options = replace(self.options, **values)
        self.session.inbox.touch("chat")

    def ask(self, text: str) -> bool:
        """Send a question; False when something is under way or there is no profile."""
        if self.busy or not text.strip() or self._wanted() is None:
            return False
        self.turns.append(Turn("user", text, done=True))
        return self._answer()

    def retry(self) -> bool:
        """Ask the last question again, after a loop with a repetition penalty."""
        if self.busy or not any(t.role == "user" for t in self.turns):
            return False
        last = self.turns[-1]
        if last.role != "user":
            if last.loop is not None and self.options.repetition_penalty is None:
                self.set_options(repetition_penalty=AGAIN_PENALTY)
            while self.turns[-1].role != "user":
                self.turns.pop()
        return self._answer()

    def stop(self) -> None:
        """End the answer, on the server too."""
        for name in ("chat", "verify"):
            task = self.session.tasks.get(name)
            if task is not None and task.running:
                task.cancel.set()

    def clear(self) -> None:
        """Begin a new conversation."""
        if not self.busy:
            self.turns.clear()
            self.session.inbox.touch("chat")

    def check(self) -> bool:
        """Run the verification; its proofs become a turn of their own."""
        profile = self._wanted()
        if self.busy or profile is None:
            return False
        turn = Turn("verify")
        self.turns.append(turn)

        def work(task: Task) -> None:
            def emit(event: Event) -> None:
                if isinstance(event, Verified):
                    self.session.inbox.put("chat", partial(turn.proofs.append, event))

            try:
                verify(self._opened(profile), profile, emit, cancel=task.cancel)
            except UserError as error:
                self._put_error(turn, error)
            finally:
                self.session.inbox.put("chat", partial(setattr, turn, "done", True))

        title = Msg.of("screens.chat.task.verify")
        return self.session.tasks.start("verify", title, work) is not None

    def _wanted(self) -> Profile | None:
        draft = self.session.draft
        return draft.profile if draft is not None else None

    def _answer(self) -> bool:
        profile = self._wanted()
        if profile is None:
            return False
        turn, options = Turn("assistant"), self.options
        messages = [
            {"role": t.role, "content": t.content}
            for t in self.turns
            if t.role in ("user", "assistant") and (t.content or t.role == "user")
        ]
        self.turns.append(turn)

        def work(task: Task) -> None:
            try:
                self._stream(self._opened(profile), messages, options, turn, task)
            except UserError as error:
                self._put_error(turn, error)
            finally:
                self.session.inbox.put("chat", partial(setattr, turn, "done", True))

        return (
            self.session.tasks.start("chat", Msg.of("screens.chat.task.answer"), work) is not None
        )

    def _stream(
        self,
        service: Service,
        messages: list[dict[str, str]],
        options: ChatOptions,
        turn: Turn,
        task: Task,
    ) -> None:
        watch = LoopWatch()
        for delta in service.chat(messages, options, cancel=task.cancel):
            self.session.inbox.put("chat", partial(turn.take, delta))
            loop = watch.feed(delta.reasoning + delta.content)
            if loop is not None:
                self.session.inbox.put("chat", partial(setattr, turn, "loop", loop))

    def _put_error(self, turn: Turn, error: UserError) -> None:
        self.session.inbox.put("chat", partial(setattr, turn, "error", error))

    def _opened(self, profile: Profile) -> Service:
        """Return the service, through a connection of its own to node 0; on a worker thread."""
        alive = self._connection is not None and self._connection.alive
        if self._service is not None and alive and self._profile == profile:
            return self._service
        self._hang_up()
        self._connection = connect_one(profile, 0, self.session.asks)
        self._service = open_service(self._connection, profile)
        self._profile = profile
        return self._service

    def close(self) -> None:
        """Stop what is under way, and close the way to the service."""
        self.stop()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._service is not None:
            self._service.close()
            self._service = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
