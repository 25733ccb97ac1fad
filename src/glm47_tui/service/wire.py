"""Requests and answers of the OpenAI protocol as vLLM 0.13.0 speaks it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glm47_tui.service.chat import ChatOptions, Delta, ToolPiece, Usage


def request_body(
    model: str, messages: Sequence[Mapping[str, Any]], options: ChatOptions, *, stream: bool
) -> dict[str, Any]:
    """Return the body for ``/v1/chat/completions``."""
    body: dict[str, Any] = {"model": model, "messages": [dict(m) for m in messages]}
    for name in ("temperature", "top_p", "max_tokens", "repetition_penalty", "seed"):
        value = getattr(options, name)
        if value is not None:
            body[name] = value
    if not options.thinking:
        body["chat_template_kwargs"] = {"enable_thinking": False}
    if options.tools:
        body["tools"] = [dict(tool) for tool in options.tools]
    if options.tool_choice is not None:
        body["tool_choice"] = options.tool_choice
    if options.stop:
        body["stop"] = list(options.stop)
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    body.update(options.extra or {})
    return body


def reasoning_of(part: Mapping[str, Any]) -> str:
    """Read ``reasoning`` or ``reasoning_content``: 0.13.0 sends the same text in both."""
    return part.get("reasoning") or part.get("reasoning_content") or ""


def tools_of(part: Mapping[str, Any]) -> tuple[ToolPiece, ...]:
    """Read the tool calls of a message or a delta."""
    out = []
    for place, call in enumerate(part.get("tool_calls") or ()):
        function = call.get("function") or {}
        out.append(
            ToolPiece(
                index=call.get("index", place) or 0,
                id=call.get("id") or "",
                name=function.get("name") or "",
                arguments=function.get("arguments") or "",
            )
        )
    return tuple(out)


def usage_of(data: Mapping[str, Any]) -> Usage | None:
    """Read ``usage``."""
    usage = data.get("usage")
    if not isinstance(usage, Mapping):
        return None
    details = usage.get("completion_tokens_details") or {}
    return Usage(
        prompt=usage.get("prompt_tokens") or 0,
        completion=usage.get("completion_tokens") or 0,
        reasoning=details.get("reasoning_tokens"),
    )


def delta_of(data: Mapping[str, Any]) -> Delta:
    """Read one chunk of a stream; ``finish`` and ``usage`` where it carries them."""
    choices = data.get("choices") or ()
    if not choices:
        return Delta(usage=usage_of(data))
    choice = choices[0]
    part = choice.get("delta") or {}
    return Delta(
        content=part.get("content") or "",
        reasoning=reasoning_of(part),
        tools=tools_of(part),
        finish=choice.get("finish_reason"),
        usage=usage_of(data),
    )


def join_tools(pieces: Sequence[ToolPiece]) -> tuple[ToolPiece, ...]:
    """Put the pieces of a stream together: one whole call an index."""
    calls: dict[int, ToolPiece] = {}
    for piece in pieces:
        had = calls.get(piece.index, ToolPiece(piece.index))
        calls[piece.index] = ToolPiece(
            piece.index,
            had.id or piece.id,
            had.name or piece.name,
            had.arguments + piece.arguments,
        )
    return tuple(calls[i] for i in sorted(calls))
