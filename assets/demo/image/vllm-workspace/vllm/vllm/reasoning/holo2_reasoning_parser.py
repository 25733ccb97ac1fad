# SPDX-License-Identifier: MIT
"""Thinking of Holo2: the start token stands in the prompt, as GLM-4.7's does.

Own code for the glm47-tui demo. It keeps the shape of vLLM 0.13.0 where a patch must find it.
"""

from vllm.entrypoints.openai.protocol import ChatCompletionRequest, DeltaMessage
from vllm.logger import init_logger
from vllm.reasoning import ReasoningParser
from vllm.reasoning.deepseek_r1_reasoning_parser import DeepSeekR1ReasoningParser
from vllm.reasoning.identity_reasoning_parser import IdentityReasoningParser

logger = init_logger(__name__)


def switches(kwargs: dict) -> dict:
    """Return what a request says to its chat template."""
    return kwargs.get("chat_template_kwargs", {}) or {}


class Holo2ReasoningParser(ReasoningParser):
    """
    Hands all work to one of two parsers: with thinking, the text up to the end token is
    reasoning; without, all of it is content.

    Which of the two, a request says by the argument ``thinking`` of its chat template:

        {"messages": [...], "chat_template_kwargs": {"thinking": false}}

    (the default is to think)

    GLM-4.7's template calls that argument ``enable_thinking``. It is not looked at here: that is
    what the patch is for.

    Parsers are made for each request that brings arguments, and once for all others. They keep
    no state between two texts, so that one may be asked again and again.

    The head of the class stands line for line where the patch expects it.
    """

    def __init__(self, tokenizer, *args, **kwargs):
        super().__init__(tokenizer, *args, **kwargs)
        chat_kwargs = switches(kwargs)

        # Without arguments of a request the parser is made once for
        # all requests in the structured output manager. So it is important that without
        # user specified chat template args, the default thinking is True.

        enable_thinking = bool(chat_kwargs.get("thinking", True))

        if enable_thinking:
            self._parser = DeepSeekR1ReasoningParser(tokenizer, *args, **kwargs)
        else:
            self._parser = IdentityReasoningParser(tokenizer, *args, **kwargs)

    def is_reasoning_end(self, input_ids) -> bool:
        """Ask the chosen parser."""
        return self._parser.is_reasoning_end(input_ids)

    def is_reasoning_end_streaming(self, input_ids, delta_ids) -> bool:
        """Ask the chosen parser."""
        return self._parser.is_reasoning_end_streaming(input_ids, delta_ids)

    def extract_content_ids(self, input_ids) -> list:
        """Ask the chosen parser."""
        return self._parser.extract_content_ids(input_ids)

    def extract_reasoning(self, model_output: str, request: ChatCompletionRequest) -> tuple:
        """Ask the chosen parser."""
        return self._parser.extract_reasoning(model_output, request)

    def extract_reasoning_streaming(self, *texts_and_ids) -> DeltaMessage | None:
        """Ask the chosen parser."""
        return self._parser.extract_reasoning_streaming(*texts_and_ids)
