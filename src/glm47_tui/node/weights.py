"""What lies in a model folder, against what its index promises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glm47_tui.node.docker import load_json
from glm47_tui.node.text import clean, to_int

LFS_POINTER_MAX = 1024
"""A Git-LFS pointer is about 135 bytes; no weight file is under a KiB."""


@dataclass(frozen=True)
class ModelConfig:
    """The values of ``config.json`` that decide about memory. None: not in the file."""

    architecture: str = ""
    model_type: str = ""
    dtype: str = ""
    hidden: int | None = None
    layers: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    experts: int | None = None
    shared_experts: int | None = None
    moe_intermediate: int | None = None
    dense_intermediate: int | None = None
    dense_layers: int | None = None
    vocabulary: int | None = None
    max_positions: int | None = None
    mtp_layers: int | None = None
    quantised: bool = False


@dataclass(frozen=True)
class ModelOnDisk:
    """One model folder of a host. Sizes in bytes.

    ``shards`` are the file names the index lists; ``sizes`` what is there (weights and small
    files alike); ``total_size`` the sum of all tensors by the index. ``downloading``: the folder
    of an unfinished ModelScope download is there. ``quantised``: by its config or by Ascend's
    description file; ``ascend``: by the latter (W8A8 and the like).
    """

    path: str
    exists: bool = True
    config: ModelConfig | None = None
    quantised: bool = False
    ascend: bool = False
    downloading: bool = False
    total_size: int | None = None
    shards: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Shards of the index that are not there."""
        return tuple(s for s in self.shards if s not in self.sizes)

    @property
    def pointers(self) -> tuple[str, ...]:
        """Weight files that are Git-LFS pointers, not weights."""
        return tuple(
            n for n, size in self.sizes.items()
            if n.endswith(".safetensors") and size < LFS_POINTER_MAX
        )  # fmt: skip

    @property
    def weight_bytes(self) -> int:
        """Sum of the sizes of all weight files that are there."""
        return sum(size for n, size in self.sizes.items() if n.endswith(".safetensors"))

    @property
    def short_bytes(self) -> int:
        """How many bytes the listed shards lack against the index's total; 0 when none."""
        if self.total_size is None or self.missing:
            return 0
        have = sum(self.sizes.get(s, 0) for s in self.shards)
        return max(0, self.total_size - have)

    @property
    def complete(self) -> bool:
        """Whether every shard is there, none is a pointer, and the sizes add up."""
        return (
            self.exists
            and self.config is not None
            and bool(self.shards)
            and not self.missing
            and not self.pointers
            and not self.short_bytes
        )


def _int(data: Mapping[str, Any], *keys: str) -> int | None:
    for key in keys:
        value = data.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62:
            return value
    return None


def parse_config(text: str) -> ModelConfig | None:
    """Read ``config.json``; None when it is no JSON object."""
    data = load_json(text)
    if not isinstance(data, dict):
        return None
    names = data.get("architectures")
    first = names[0] if isinstance(names, list) and names else ""
    return ModelConfig(
        architecture=str(first),
        model_type=str(data.get("model_type", "")),
        dtype=str(data.get("torch_dtype") or data.get("dtype") or ""),
        hidden=_int(data, "hidden_size"),
        layers=_int(data, "num_hidden_layers"),
        heads=_int(data, "num_attention_heads"),
        kv_heads=_int(data, "num_key_value_heads"),
        head_dim=_int(data, "head_dim"),
        experts=_int(data, "n_routed_experts", "num_experts"),
        shared_experts=_int(data, "n_shared_experts"),
        moe_intermediate=_int(data, "moe_intermediate_size"),
        dense_intermediate=_int(data, "intermediate_size"),
        vocabulary=_int(data, "vocab_size"),
        dense_layers=_int(data, "first_k_dense_replace"),
        max_positions=_int(data, "max_position_embeddings"),
        mtp_layers=_int(data, "num_nextn_predict_layers"),
        quantised="quantization_config" in data or "quantize" in data,
    )


def parse_models(text: str, sums: str = "") -> tuple[ModelOnDisk, ...]:
    """Read ``@model PATH`` blocks of the probe; ``sums`` (sha256sum) belong to the first one."""
    digests = {n.lstrip("*"): d for d, n in re.findall(r"^([0-9a-f]{64}) [ *](\S+)$", sums, re.M)}
    models: list[ModelOnDisk] = []
    for block in re.split(r"^@model ", clean(text), flags=re.M)[1:]:
        models.append(_model(block.splitlines(), digests if not models else {}))
    return tuple(models)


def _model(lines: list[str], sums: Mapping[str, str]) -> ModelOnDisk:
    words = [line.split(" ", 2) for line in lines[1:]]
    sizes: dict[str, int] = {}
    for word in words:
        if word[0] == "file" and len(word) == 3 and (size := to_int(word[1])) is not None:
            sizes[word[2]] = size
    config = next((line[7:] for line in lines if line.startswith("config ")), "")
    parsed = parse_config(config) if config else None
    total = next((w[1] for w in words if w[0] == "total_size" and len(w) > 1), None)
    shards = tuple(sorted({line[6:] for line in lines[1:] if line.startswith("shard ")}))
    if not shards and "model.safetensors" in sizes:
        shards = ("model.safetensors",)  # a small model in one file has no index
    return ModelOnDisk(
        path=lines[0].strip() if lines else "",
        exists="absent" not in lines,
        config=parsed,
        quantised="quantised" in lines or bool(parsed and parsed.quantised),
        ascend="quantised" in lines,
        downloading="downloading" in lines,
        total_size=to_int(total),
        shards=shards,
        sizes=sizes,
        sums=dict(sums),
    )
