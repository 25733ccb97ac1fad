"""vLLM's real parser files with stand-ins for the heavy modules they import: no torch needed.

What is real: ``vllm/tool_parsers`` and ``vllm/reasoning`` as released (registries, base classes,
``glm4_moe_tool_parser``, ``holo2``, ``deepseek_r1``). What stands in: the protocol's models (same
fields), the logger, a tokenizer of bytes and tags. The lab runs the same tests on the whole vLLM.
"""

from __future__ import annotations

import shutil
from pathlib import Path

PROTOCOL = """
import uuid
from typing import Any, Literal
from pydantic import BaseModel, ConfigDict, Field

class Base(BaseModel):
    model_config = ConfigDict(extra="allow")
class FunctionDefinition(Base):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
class ChatCompletionToolsParam(Base):
    type: Literal["function"] = "function"
    function: FunctionDefinition
class ChatCompletionRequest(Base):
    messages: list[Any]
    model: str | None = None
    tools: list[ChatCompletionToolsParam] | None = None
    tool_choice: Any = "auto"
class FunctionCall(Base):
    name: str
    arguments: str
class ToolCall(Base):
    id: str = Field(default_factory=lambda: f"chatcmpl-tool-{uuid.uuid4().hex}")
    type: Literal["function"] = "function"
    function: FunctionCall
class DeltaFunctionCall(BaseModel):
    name: str | None = None
    arguments: str | None = None
class DeltaToolCall(Base):
    id: str | None = None
    type: Literal["function"] | None = None
    index: int
    function: DeltaFunctionCall | None = None
class DeltaMessage(Base):
    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[DeltaToolCall] = Field(default_factory=list)
class ExtractedToolCallInformation(BaseModel):
    tools_called: bool
    tool_calls: list[ToolCall]
    content: str | None = None
class ResponsesRequest(Base): ...
class ResponseTextConfig(Base): ...
"""

# fmt: off
TAGS = ["<|endoftext|>", "<|user|>", "<|observation|>", "<|assistant|>", "<think>", "</think>",
        "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"]
# fmt: on
"""The tokenizer's tags; the first has the id 256."""

TOKENIZERS = '''
import json, pathlib, re

TAGS = @TAGS@

class TokenizerLike: ...

class Bytes(TokenizerLike):
    """A token a byte, and one a tag; tokenizer.json says which tags are special, or missing."""
    def __init__(self, special, missing):
        self.tags = {t: 256 + i for i, t in enumerate(TAGS) if t not in missing}
        self.special = {self.tags[t] for t in special if t in self.tags}
    def get_vocab(self):
        return {**{f"b{i}": i for i in range(256)}, **self.tags}
    def encode(self, text, add_special_tokens=True):
        out = []
        for part in re.split("(" + "|".join(map(re.escape, self.tags)) + ")", text):
            out += [self.tags[part]] if part in self.tags else list(part.encode())
        return out
    def decode(self, ids, skip_special_tokens=False):
        names = {v: k for k, v in self.tags.items()}
        ids = [i for i in ids if not (skip_special_tokens and i in self.special)]
        data = b"".join(names[i].encode() if i in names else bytes([i]) for i in ids)
        return data.decode("utf-8", "replace")

def get_tokenizer(name):
    data = json.loads(pathlib.Path(name, "tokenizer.json").read_text())
    return Bytes(data["special"], data["missing"])
'''.replace("@TAGS@", repr(TAGS))

STANDINS = {
    "vllm/entrypoints/__init__.py": "",
    "vllm/entrypoints/tool_server.py": "class ToolServer: ...\n",
    "vllm/entrypoints/openai/__init__.py": "",
    "vllm/entrypoints/openai/protocol.py": PROTOCOL,
    "vllm/logger.py": "import logging\ninit_logger = logging.getLogger\n",
    "vllm/sampling_params.py": "class StructuredOutputsParams: ...\n",
    "vllm/tokenizers/__init__.py": TOKENIZERS,
    "vllm/tool_parsers/utils.py": "def get_json_schema_from_tools(**_): ...\n",
    "vllm/utils/__init__.py": "",
    "vllm/utils/collection_utils.py": (
        "def is_list_of(v, t): return isinstance(v, list) and all(isinstance(x, t) for x in v)\n"
    ),
    "vllm/utils/import_utils.py": (
        "import importlib.util, sys\n"
        "def import_from_path(name, path):\n"
        "    spec = importlib.util.spec_from_file_location(name, path)\n"
        "    sys.modules[name] = module = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(module)\n"
    ),
    "regex.py": "from re import *\n",
    "transformers.py": "class PreTrainedTokenizerBase: ...\n",
    "openai/__init__.py": "",
    "openai/types/__init__.py": "",
    "openai/types/responses/__init__.py": "",
    "openai/types/responses/response_format_text_json_schema_config.py": (
        "class ResponseFormatTextJSONSchemaConfig: ...\n"
    ),
}


def build(folder: Path, released: Path) -> Path:
    """Make the folder to put on PYTHONPATH from a ``vllm/`` of released files; returns it."""
    shutil.copytree(released, folder / "vllm", dirs_exist_ok=True)
    for path, text in STANDINS.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder
