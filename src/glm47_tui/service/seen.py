"""The form of an answer: what was seen, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from glm47_tui.i18n import Msg
from glm47_tui.service.chat import Answer, Delta, ToolPiece
from glm47_tui.service.wire import join_tools

_THINK_MARKS = ("<think>", "</think>")
_TOOL_MARKS = ("<tool_call>", "</tool_call>", "<arg_key>", "<arg_value>")


@dataclass(frozen=True)
class Seen:
    """An answer, streamed or not. ``pieces`` counts the pieces of a stream, 0 for none."""

    content: str
    reasoning: str
    tools: tuple[ToolPiece, ...]
    finish: str | None
    pieces: int = 0
    content_first: bool = False
    """Whether content came before thinking had ended."""

    def words(self) -> Msg:
        """Say what was seen."""
        if self.tools:
            call = self.tools[0]
            return Msg.of("service.seen.tool", name=call.name, arguments=_short(call.arguments))
        return Msg.of(
            "service.seen.split",
            thinking=len(self.reasoning),
            content=len(self.content),
            text=_short(self.content or self.reasoning),
        )


def _short(text: str, most: int = 48) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= most else one_line[:most] + "..."


def seen_of(answer: Answer) -> Seen:
    """From an answer that came at once."""
    return Seen(answer.content, answer.reasoning, answer.tools, answer.finish)


def seen_streamed(deltas: Iterable[Delta]) -> Seen:
    """From a stream, read to its end."""
    content: list[str] = []
    reasoning: list[str] = []
    tools: list[ToolPiece] = []
    finish: str | None = None
    pieces = 0
    content_first = False
    for delta in deltas:
        pieces += 1
        content_first = content_first or bool(delta.reasoning and "".join(content).strip())
        content.append(delta.content)
        reasoning.append(delta.reasoning)
        tools.extend(delta.tools)
        finish = delta.finish or finish
    return Seen(
        "".join(content), "".join(reasoning), join_tools(tools), finish, pieces, content_first
    )


def _marks(seen: Seen, marks: Sequence[str]) -> Msg | None:
    for mark in marks:
        if mark in seen.content:
            return Msg.of("service.bad.mark", mark=mark, text=_short(seen.content))
    return None


def with_thinking(seen: Seen, *, whole: bool) -> Msg | None:
    """Thinking on: it must stand in ``reasoning`` and leave no mark in ``content``.

    ``whole``: an answer that ended by itself must have content too.
    """
    if (wrong := _marks(seen, _THINK_MARKS)) is not None:
        return wrong
    if not seen.reasoning.strip():
        return Msg.of("service.bad.no_reasoning", text=_short(seen.content))
    if seen.content_first:
        return Msg.of("service.bad.content_first")
    if whole and seen.finish == "stop" and not seen.content.strip():
        return Msg.of("service.bad.no_content", text=_short(seen.reasoning))
    return None


def no_form(seen: Seen) -> Msg | None:
    """Thinking off: all is content, nothing is thinking."""
    if (wrong := _marks(seen, _THINK_MARKS)) is not None:
        return wrong
    if seen.reasoning.strip():
        return Msg.of("service.bad.thinks_anyway", text=_short(seen.reasoning))
    if not seen.content:
        return Msg.of("service.bad.empty", tokens=0)
    return None


def tool_form(full: bool, name: str, keys: Sequence[str]) -> Callable[[Seen], Msg | None]:
    """A tool call: ``name`` with just ``keys`` as arguments, in ``tool_calls``, not as text.

    Without ``full`` the model's words are noise: only the form of what came is judged.
    """

    def judge(seen: Seen) -> Msg | None:
        if (wrong := _marks(seen, _TOOL_MARKS)) is not None:
            return wrong
        if not seen.tools:
            return Msg.of("service.bad.no_tool", text=_short(seen.content)) if full else None
        call = seen.tools[0]
        try:
            arguments = json.loads(call.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            return Msg.of("service.bad.tool_json", text=_short(call.arguments)) if full else None
        if full and (call.name != name or set(arguments) != set(keys)):
            return Msg.of("service.bad.tool_other", name=call.name, text=_short(call.arguments))
        return None

    return judge
