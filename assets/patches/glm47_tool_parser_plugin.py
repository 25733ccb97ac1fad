# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: Copyright contributors to the vLLM project
"""Tool calls of GLM-4.7, as a plugin of vLLM 0.13.0: nothing in the image is edited.

    vllm serve ... --enable-auto-tool-choice --tool-call-parser glm47 --tool-parser-plugin THIS_FILE

The code is that of ``glm47_moe_tool_parser.py`` (read there what it mends), and this file needs
no other. A vLLM that brings a ``glm47`` of its own keeps it. The API server imports this file:
node 0 alone needs it.
"""

import ast
import json
from collections.abc import Sequence
from typing import Any

import regex as re

from vllm.entrypoints.openai.protocol import (
    ChatCompletionRequest,
    DeltaFunctionCall,
    DeltaMessage,
    DeltaToolCall,
    ExtractedToolCallInformation,
    FunctionCall,
    ToolCall,
)
from vllm.logger import init_logger
from vllm.tokenizers import TokenizerLike
from vllm.tool_parsers import ToolParserManager
from vllm.tool_parsers.glm4_moe_tool_parser import Glm4MoeModelToolParser

logger = init_logger(__name__)

# A message of GLM ends with one of these (generation_config: eos_token_id).
END_OF_MESSAGE = ("<|endoftext|>", "<|user|>", "<|observation|>")


class CompleteFunctionCall(DeltaFunctionCall):
    """Name and arguments of a call that is streamed in one piece.

    When the last output of a stream carries a tool call, the chat server of vLLM 0.13.0 replaces
    the delta with "the arguments not sent yet", and name and id are lost with it. It asks for the
    truth of ``function`` first: with nothing left to send, that is False.
    """

    def __bool__(self) -> bool:
        return False


def type_names(schema: Any) -> set[str]:
    """Name the JSON types a schema allows; ``any`` stands for what it does not say."""
    if not isinstance(schema, dict):
        return {"any"}
    declared = schema.get("type")
    if isinstance(declared, str):
        return {declared}
    if isinstance(declared, list):
        return set(map(str, declared))
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        return set().union(*map(type_names, options))
    names = {str: "string", type(None): "null"}
    values = schema.get("enum")
    return {names.get(type(v), "any") for v in values} if isinstance(values, list) else {"any"}


def to_json(value: Any) -> str:
    """Write strict JSON; raise ValueError or TypeError for what JSON cannot hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate cannot be sent as UTF-8
        text = json.dumps(value, allow_nan=False)
    return text


def read_value(text: str, schema: Any) -> Any:
    """Turn the text of one argument into the value its schema asks for."""
    bare = text.strip()
    allowed = type_names(schema)
    if "string" in allowed and allowed <= {"string", "null"}:
        return None if "null" in allowed and bare == "null" else text
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(bare)
            to_json(value)
        except Exception:  # not this notation, or not a value that JSON can hold
            continue
        return value
    return bare


class Glm47MoeModelToolParser(Glm4MoeModelToolParser):
    def __init__(self, tokenizer: TokenizerLike):
        super().__init__(tokenizer)
        self.func_detail_regex = re.compile(
            r"<tool_call>(.*?)(<arg_key>.*?)?</tool_call>\Z", re.DOTALL
        )
        self.func_arg_regex = re.compile(
            r"<arg_key>(.*?)</arg_key>(?:\\n|\s)*<arg_value>(.*?)"
            r"(?:</arg_value>(?=\s*(?:<arg_key>|\Z))|\Z)",
            re.DOTALL,
        )
        self._end_ids = {self.vocab.get(token) for token in END_OF_MESSAGE} - {None}

    def _parse_call(self, text: str, tools: Sequence[Any] | None) -> FunctionCall | None:
        """Read one ``<tool_call>...</tool_call>``; None if it is not a call."""
        detail = self.func_detail_regex.match(text)
        name = detail.group(1).strip() if detail else ""
        if not name or re.search(r"[\s<>]", name):
            logger.warning("Malformed tool call of %d characters passed on as text.", len(text))
            return None
        schemas: Any = None
        for tool in tools or []:
            function = getattr(tool, "function", tool)  # the Responses API has no .function
            if getattr(function, "name", None) == name:
                schemas = (function.parameters or {}).get("properties")
        if not isinstance(schemas, dict):
            schemas = {}
        arguments = {}
        for key, value in self.func_arg_regex.findall(detail.group(2) or ""):
            arguments[key.strip()] = read_value(value, schemas.get(key.strip()))
        return FunctionCall(name=name, arguments=to_json(arguments))

    def _find_end(self, text: str, start: int) -> int:
        """Return where the call that begins at start ends, or -1.

        A ``</tool_call>`` that neither follows ``</arg_value>`` nor comes before all arguments
        stands inside a value: it is the caller's data.
        """
        end = text.find(self.tool_call_end_token, start)
        while end != -1:
            body = text[start:end].rstrip()
            end += len(self.tool_call_end_token)
            if "<arg_key>" not in body or body.endswith("</arg_value>"):
                return end
            end = text.find(self.tool_call_end_token, end)
        return -1

    def _split(
        self, text: str, tools: Sequence[Any] | None, final: bool
    ) -> tuple[list[str | FunctionCall], str]:
        """Cut text into plain parts and calls, in order; the second value is what must wait.

        ``final`` says that nothing follows: then nothing waits.
        """
        parts: list[str | FunctionCall] = []
        while (start := text.find(self.tool_call_start_token)) != -1:
            end = self._find_end(text, start)
            if end == -1 and final:
                found = text.find(self.tool_call_end_token, start)
                end = len(text) if found == -1 else found + len(self.tool_call_end_token)
            parts.append(text[:start])
            if end == -1:
                return parts, text[start:]
            call = text[start:end]
            parts.append(self._parse_call(call, tools) or call)
            text = text[end:]
        return [*parts, text], ""

    def extract_tool_calls(
        self, model_output: str, request: ChatCompletionRequest
    ) -> ExtractedToolCallInformation:
        parts, _ = self._split(model_output, request.tools, final=True)
        calls = [part for part in parts if isinstance(part, FunctionCall)]
        if not calls:
            return ExtractedToolCallInformation(
                tools_called=False, tool_calls=[], content=model_output
            )
        before = "".join(map(str, parts[: parts.index(calls[0])]))
        return ExtractedToolCallInformation(
            tools_called=True,
            tool_calls=[ToolCall(type="function", function=call) for call in calls],
            content=before or None,
        )

    def extract_tool_calls_streaming(
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
        request: ChatCompletionRequest,
    ) -> DeltaMessage | None:
        final = bool(delta_token_ids) and delta_token_ids[-1] in self._end_ids
        parts, self._buffer = self._split(self._buffer + delta_text, request.tools, final)
        if not self._buffer and not final:
            parts[-1], self._buffer = self._hold_back(parts[-1], current_token_ids)
        content = ""
        deltas: list[DeltaToolCall] = []
        for part in parts:
            if isinstance(part, FunctionCall):
                deltas.append(self._announce(part))
            elif not self.prev_tool_call_arr:
                content += part  # as in the base class, text after a call is not content
        # An empty delta while a call is being written keeps the connection from idling out.
        if not deltas:
            return DeltaMessage(content=content)
        return DeltaMessage(content=content or None, tool_calls=deltas)

    def _hold_back(self, text: str, token_ids: Sequence[int]) -> tuple[str, str]:
        """Split off a piece of ``<tool_call>`` at the end of text whose rest is on its way.

        With ``stop`` strings the server sends text later than tokens, cut anywhere.
        """
        tag = self.tool_call_start_token
        for size in range(min(len(tag) - 1, len(text)), 0, -1):
            if text.endswith(tag[:size]) and self.tool_call_start_token_id in token_ids:
                return text[:-size], text[-size:]
        return text, ""

    def _announce(self, call: FunctionCall) -> DeltaToolCall:
        """Record a finished call where the server looks for it, and make its delta."""
        self.current_tool_id = len(self.prev_tool_call_arr)
        self.prev_tool_call_arr.append(
            {"name": call.name, "arguments": json.loads(call.arguments)}
        )
        self.streamed_args_for_tool.append(call.arguments)
        return DeltaToolCall(
            index=self.current_tool_id,
            id=ToolCall(function=call).id,
            type="function",
            function=CompleteFunctionCall(name=call.name, arguments=call.arguments),
        )


if "glm47" not in ToolParserManager.list_registered():
    ToolParserManager.register_module("glm47", module=Glm47MoeModelToolParser)
