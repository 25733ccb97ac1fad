"""Tool calls as GLM-4.5 writes them: the name on a line of its own. Simulated."""

import json
import re

from vllm.entrypoints.openai.protocol import (
    DeltaMessage,
    ExtractedToolCallInformation,
    FunctionCall,
    ToolCall,
)
from vllm.logger import init_logger
from vllm.tool_parsers.abstract_tool_parser import ToolParser

logger = init_logger(__name__)


class Glm4MoeModelToolParser(ToolParser):
    """Knows the line end after the name that GLM-4.7 no longer writes."""

    def __init__(self, tokenizer):
        super().__init__(tokenizer)
        self.tool_call_start_token = "<tool_call>"
        self.tool_call_end_token = "</tool_call>"
        self.tool_call_start_token_id = self.vocab.get(self.tool_call_start_token)
        self.tool_call_end_token_id = self.vocab.get(self.tool_call_end_token)
        self.func_call_regex = re.compile(r"<tool_call>.*?</tool_call>", re.S)
        self.func_detail_regex = re.compile(r"<tool_call>([^\n]*)\n(.*)</tool_call>", re.S)
        self.func_arg_regex = re.compile(
            r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.S
        )
        self._buffer = ""

    def extract_tool_calls(self, model_output, request):
        """Read the calls of a whole answer; what cannot be read makes all of it plain text."""
        del request
        try:
            calls = []
            for text in self.func_call_regex.findall(model_output):
                detail = self.func_detail_regex.search(text)
                pairs = dict(self.func_arg_regex.findall(detail.group(2)))
                arguments = json.dumps(pairs, ensure_ascii=False)
                calls.append(FunctionCall(name=detail.group(1), arguments=arguments))
        except Exception:
            logger.exception("Failed to extract tool call spec")
            calls = []
        if not calls:
            return ExtractedToolCallInformation(
                tools_called=False, tool_calls=[], content=model_output
            )
        before = model_output[: model_output.find(self.tool_call_start_token)]
        return ExtractedToolCallInformation(
            tools_called=True,
            tool_calls=[ToolCall(function=call) for call in calls],
            content=before or None,
        )

    def extract_tool_calls_streaming(
        self, previous_text, current_text, delta_text, previous_token_ids, current_token_ids,
        delta_token_ids, request,
    ):  # fmt: skip
        """Hand text on up to a call; a call of GLM-4.7's shape is never finished."""
        self._buffer += delta_text
        start = self._buffer.find(self.tool_call_start_token)
        if start == -1:
            text, self._buffer = self._buffer, ""
            return DeltaMessage(content=text)
        text, self._buffer = self._buffer[:start], self._buffer[start:]
        return DeltaMessage(content=text)
