"""What a chat asks for and what comes back, piece by piece. Types only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ChatOptions:
    """Sampling and form of one answer; None leaves a value to the server.

    Defaults for GLM-4.7 by its model card: temperature 1.0, top_p 0.95; greedy sampling makes
    repetition worse.
    """

    thinking: bool = True
    """False sends ``chat_template_kwargs: {"enable_thinking": false}``."""
    temperature: float | None = 1.0
    top_p: float | None = 0.95
    max_tokens: int | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    """Tools in OpenAI's form."""
    tool_choice: str | Mapping[str, Any] | None = None
    stop: Sequence[str] = ()
    extra: Mapping[str, Any] | None = None
    """More members of the request, taken as they are."""


@dataclass(frozen=True)
class ToolPiece:
    """A piece of a tool call: ``name`` comes once, ``arguments`` (JSON text) in pieces."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer as the server counted them."""

    prompt: int
    completion: int
    reasoning: int | None = None

    @property
    def total(self) -> int:
        """Tokens of question and answer."""
        return self.prompt + self.completion


@dataclass(frozen=True)
class Stats:
    """Seconds as this side saw them, and tokens as the server counted them (None: not told).

    ``tokens_per_s`` is completion tokens after the first by the time they took.
    """

    first_token_s: float | None
    total_s: float
    tokens_per_s: float | None = None
    completion_tokens: int | None = None
    prompt_tokens: int | None = None


@dataclass(frozen=True)
class Delta:
    """One piece of an answer. The last one carries ``finish``, ``usage`` and ``stats``."""

    content: str = ""
    reasoning: str = ""
    tools: tuple[ToolPiece, ...] = ()
    finish: str | None = None
    """``stop``, ``length``, ``tool_calls``, or ``cancelled`` when this side ended it."""
    usage: Usage | None = None
    stats: Stats | None = None


@dataclass(frozen=True)
class Answer:
    """A whole answer that was not streamed."""

    content: str
    reasoning: str
    tools: tuple[ToolPiece, ...]
    finish: str | None
    usage: Usage | None
    stats: Stats
    model: str = ""
