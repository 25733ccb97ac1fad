# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: Copyright contributors to the vLLM project
"""Thinking of GLM-4.7, as a plugin of vLLM 0.13.0: nothing in the image is edited.

    vllm serve ... --reasoning-parser glm47 --reasoning-parser-plugin THIS_FILE

The chat template of GLM-4.7 puts ``<think>`` into the prompt, so that the output is
``thinking</think>answer``: just what vLLM's parser of Holo2 reads. That one is switched off by
the template argument ``thinking``, GLM's by ``enable_thinking``: either of them does it here.
The API server and the engine of every node import this file: all nodes need it.
"""

from vllm.reasoning import ReasoningParserManager
from vllm.reasoning.holo2_reasoning_parser import Holo2ReasoningParser
from vllm.tokenizers import TokenizerLike


class Glm47MoeModelReasoningParser(Holo2ReasoningParser):
    def __init__(self, tokenizer: TokenizerLike, *args, **kwargs):
        switches = dict(kwargs.pop("chat_template_kwargs", None) or {})
        thinking = bool(switches.get("thinking", True))
        switches["thinking"] = thinking and bool(switches.get("enable_thinking", True))
        super().__init__(tokenizer, *args, chat_template_kwargs=switches, **kwargs)


if "glm47" not in ReasoningParserManager.list_registered():
    ReasoningParserManager.register_module("glm47", module=Glm47MoeModelReasoningParser)
