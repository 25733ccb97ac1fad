"""Words of ``vllm serve``."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field

_SWITCHES = (
    "headless", "enable-expert-parallel", "enable-auto-tool-choice", "trust-remote-code",
    "enforce-eager", "async-scheduling", "enable-prefix-caching", "no-enable-prefix-caching",
    "disable-log-requests", "enable-chunked-prefill", "no-enable-chunked-prefill",
    "disable-uvicorn-access-log", "enable-log-requests",
)  # fmt: skip
_VALUES = (
    "host", "port", "data-parallel-size", "data-parallel-size-local", "data-parallel-start-rank",
    "data-parallel-address", "data-parallel-rpc-port", "tensor-parallel-size", "tool-call-parser",
    "reasoning-parser", "served-model-name", "max-model-len", "max-num-batched-tokens",
    "max-num-seqs", "gpu-memory-utilization", "additional-config", "tool-parser-plugin",
    "reasoning-parser-plugin", "quantization", "speculative-config", "compilation-config", "seed",
    "dtype", "api-key", "distributed-executor-backend", "kv-cache-dtype", "block-size", "model",
    "override-generation-config", "swap-space", "load-format", "chat-template", "uvicorn-log-level",
)  # fmt: skip
# What must be equal on all nodes, or their engines do not fit together.
_SHARED = (
    "data-parallel-size", "tensor-parallel-size", "enable-expert-parallel", "max-model-len",
    "max-num-seqs", "max-num-batched-tokens", "quantization", "speculative-config",
)  # fmt: skip


@dataclass
class Flags:
    """The options of a server, by name without dashes in front."""

    model: str = ""
    values: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)

    def text(self, name: str, default: str = "") -> str:
        """Return an option's value."""
        return self.values.get(name, default)

    def number(self, name: str, default: int) -> int:
        """Return an option's value as a number."""
        return int(self.values.get(name, default))

    @property
    def size(self) -> int:
        """Data-parallel ranks in all."""
        return self.number("data-parallel-size", 1)

    @property
    def local(self) -> int:
        """Data-parallel ranks on this node."""
        return self.number("data-parallel-size-local", self.size)

    @property
    def first(self) -> int:
        """Number of this node's first rank."""
        return self.number("data-parallel-start-rank", 0)

    @property
    def tensor(self) -> int:
        """NPUs of a rank."""
        return self.number("tensor-parallel-size", 1)

    @property
    def headless(self) -> bool:
        """Whether this node has engines only."""
        return "headless" in self.switches

    @property
    def fingerprint(self) -> str:
        """Hash of what must be equal on all nodes."""
        shared = [f"{n}={self.values.get(n, n in self.switches)}" for n in _SHARED]
        return hashlib.sha256(repr(shared).encode()).hexdigest()[:10]

    @property
    def served(self) -> str:
        """Name of the model in requests."""
        return self.text("served-model-name", self.model)

    def shown(self) -> dict[str, object]:
        """Return the options as the log shows them."""
        found: dict[str, object] = {"model_tag": self.model}
        for name, value in self.values.items():
            found[name.replace("-", "_")] = int(value) if value.isdigit() else value
        return {**found, **{name.replace("-", "_"): True for name in sorted(self.switches)}}


def read(words: list[str]) -> Flags:
    """Read the words after ``serve``; ends the process with argparse's message when it can't."""
    flags = Flags()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, mark, _ = word.removeprefix("--").replace("_", "-").partition("=")
        if not word.startswith("--"):
            if flags.model:
                _refuse(f"unrecognized arguments: {word}")
            flags.model = word
        elif name in _SWITCHES:
            flags.switches.add(name)
        elif name in _VALUES:
            if not mark and not rest:
                _refuse(f"argument --{name}: expected one argument")
            flags.values[name] = word.partition("=")[2] if mark else rest.pop(0)
        else:
            _refuse(f"unrecognized arguments: {word}")
    return flags


def _refuse(text: str) -> None:
    sys.stderr.write(f"usage: vllm serve [model_tag] [options]\nvllm serve: error: {text}\n")
    raise SystemExit(2)
