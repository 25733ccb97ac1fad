"""From the model's raw output to the pieces of an API answer, through the container's parsers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glm47_tui.demo.sim.vllm import answers
from glm47_tui.demo.sim.vllm.parsers import Parsers

END = 151336
"""<|user|>: the token that ends an answer; <|observation|> ends a tool call."""
END_OF_CALL = 151338


class Chat:
    """One request on its way through tokens and parsers."""

    def __init__(self, parsers: Parsers, request: Mapping[str, Any], longest: int) -> None:
        self._parsers = parsers
        switches = request.get("chat_template_kwargs") or {}
        thinking = bool(switches.get("enable_thinking", True))
        asked = answers.asked(request)
        raw = answers.output(asked, thinking=thinking)
        tokenizer = parsers.tokenizer
        prompt = " ".join(answers.words_of(m) for m in request.get("messages") or [])
        self.prompt_tokens = 8 + len(tokenizer.encode(prompt))
        # The template ends the prompt with the opening or, without thinking, the closing tag.
        self._prompt_end = tokenizer.encode("<think>" if thinking else "</think>")
        ids: list[int] = tokenizer.encode(raw)
        ids.append(END_OF_CALL if raw.endswith("</tool_call>") else END)
        room = longest - self.prompt_tokens
        limit = request.get("max_completion_tokens") or request.get("max_tokens") or room
        self.finish = "stop" if len(ids) <= limit else "length"
        self.ids = ids[: min(int(limit), room)]
        self._parsed = parsers.protocol.ChatCompletionRequest(
            messages=request.get("messages"), tools=request.get("tools"), model=request.get("model")
        )
        self._reasoner = parsers.reasoning_parser(switches or None)
        uses_tools = bool(request.get("tools")) and request.get("tool_choice", "auto") != "none"
        self._caller = parsers.tool_parser() if uses_tools else None

    def _text(self, ids: list[int]) -> str:
        return str(self._parsers.tokenizer.decode(ids, skip_special_tokens=True))

    def whole(self) -> dict[str, Any]:
        """Return the message of an answer that is not streamed."""
        text = self._text(self.ids)
        reasoning, content = None, text
        if self._reasoner is not None:
            reasoning, content = self._reasoner.extract_reasoning(text, self._parsed)
        calls = []
        if self._caller is not None and content:
            info = self._caller.extract_tool_calls(content, self._parsed)
            if info.tools_called:
                calls, content = info.tool_calls, info.content
                self.finish = "tool_calls"
        message = self._parsers.protocol.ChatMessage(
            role="assistant", content=content, tool_calls=calls, reasoning=reasoning
        )
        return dict(message.model_dump())

    def deltas(self) -> Iterator[dict[str, Any] | None]:
        """Yield what each token adds to a streamed answer; None for nothing.

        The order of questions to the parsers is that of 0.13.0's chat server: thinking first; once
        it has ended, what is left of that delta and all that follows goes to the tool parser.
        """
        before, before_ids = "", []  # type: str, list[int]
        ended = self._reasoner is not None and self._reasoner.is_reasoning_end(self._prompt_end)
        handed_on = False
        for at, token in enumerate(self.ids):
            delta = self._text([token])
            ids = [token]
            now, now_ids = before + delta, before_ids + ids
            message: Any = None
            if self._reasoner is not None and not (ended and self._caller is not None):
                message = self._reasoner.extract_reasoning_streaming(
                    before, now, delta, before_ids, now_ids, ids
                )
                if self._caller is not None and self._reasoner.is_reasoning_end(ids):
                    ended = True
                    now_ids = self._reasoner.extract_content_ids(ids)
                    now = (message.content if message else None) or ""
                    if message:
                        message.content = None
            elif self._caller is None:
                message = self._parsers.protocol.DeltaMessage(content=delta)
            if self._caller is not None and (ended or self._reasoner is None):
                if not handed_on:
                    handed_on = True
                    before, before_ids, delta, ids = "", [], now, now_ids
                message = self._caller.extract_tool_calls_streaming(
                    before, now, delta, before_ids, now_ids, ids, self._parsed
                )
                if message is not None and message.tool_calls:
                    self.finish = "tool_calls"
            before, before_ids = now, now_ids
            last = at == len(self.ids) - 1
            yield message.model_dump(exclude_unset=True) if message else {} if last else None
