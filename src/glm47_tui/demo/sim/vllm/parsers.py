"""The container's own parsers, loaded by name from its package ``vllm``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from glm47_tui.demo.sim.docker.store import PYTHON
from glm47_tui.demo.sim.vllm.flags import Flags
from glm47_tui.demo.sim.vllm.log import Fatal, Frame

_CHECK: Frame = (
    "/vllm-workspace/vllm/vllm/entrypoints/openai/api_server.py", 1331, "validate_api_server_args",
    "raise KeyError(",
)  # fmt: skip


class Parsers:
    """What the server needs of the package: both parser classes, the tokenizer, the messages."""

    def __init__(self, root: Path, flags: Flags) -> None:
        packages = root / PYTHON[1:] / "lib/python3.11/site-packages"
        sys.path[:0] = [str(root / "vllm-workspace/vllm"), str(packages)]
        self.protocol: Any = importlib.import_module("vllm.entrypoints.openai.protocol")
        self._tools: Any = importlib.import_module("vllm.tool_parsers").ToolParserManager
        self._reasoning: Any = importlib.import_module("vllm.reasoning").ReasoningParserManager
        self._flags = flags
        if plugin := flags.text("tool-parser-plugin"):
            self._tools.import_tool_parser(self._here(root, plugin))
        if plugin := flags.text("reasoning-parser-plugin"):
            self._reasoning.import_reasoning_parser(self._here(root, plugin))
        self._validate()
        tokenizers: Any = importlib.import_module("vllm.tokenizers")
        folder = self._here(root, flags.model)
        self.tokenizer: Any = None
        if (Path(folder) / "tokenizer.json").exists():
            self.tokenizer = tokenizers.get_tokenizer(folder)

    @staticmethod
    def _here(root: Path, path: str) -> str:
        return str(root) + path if path.startswith("/") else path

    def _validate(self) -> None:
        """Refuse names that no parser has: ``KeyError``, in the words of 0.13.0."""
        tool, thinking = self._flags.text("tool-call-parser"), self._flags.text("reasoning-parser")
        auto = "enable-auto-tool-choice" in self._flags.switches
        for kind, name, manager, asked in (
            ("tool call", tool, self._tools, auto),
            ("reasoning", thinking, self._reasoning, bool(thinking)),
        ):
            known = manager.list_registered()
            if asked and name not in known:
                text = f"invalid {kind} parser: {name} (chose from {{ {','.join(known)} }})"
                raise Fatal("KeyError", repr(text), _CHECK)

    def tool_parser(self) -> Any | None:
        """Return a new tool parser, None when tools are not parsed."""
        if "enable-auto-tool-choice" not in self._flags.switches:
            return None
        return self._tools.get_tool_parser(self._flags.text("tool-call-parser"))(self.tokenizer)

    def reasoning_parser(self, switches: dict[str, Any] | None) -> Any | None:
        """Return a new reasoning parser for a request's template arguments."""
        name = self._flags.text("reasoning-parser")
        if not name:
            return None
        found = self._reasoning.get_reasoning_parser(name)
        return found(self.tokenizer, chat_template_kwargs=switches)
