"""The model on a node's disk: small files whole, weights as holes of the right size."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from glm47_tui.demo.sim.site import write

SHARDS = 93


class Model(NamedTuple):
    """A model: its repository, bytes of all tensors, how the weights are written."""

    repo: str
    total: int
    quantised: bool = False

    @property
    def place(self) -> str:
        """Folder on a node, below its root."""
        return f"opt/data/verification/models/{self.repo.partition('/')[2]}"


BF16 = Model("ZhipuAI/GLM-4.7", 716_684_828_672)
"""358.34 billion parameters in bfloat16 (facts of the field, section 5): for two nodes and more."""
W8A8 = Model("Eco-Tech/GLM-4.7-W8A8-floatmtp", 354_000_000_000, quantised=True)
"""Eight-bit weights: what fits on one node."""


def of_cluster(nodes: int) -> Model:
    """Return the model that a cluster of this size can serve."""
    return BF16 if nodes > 1 else W8A8


def by_repo(repo: str) -> Model | None:
    """Return a model by its repository's name."""
    return next((model for model in (BF16, W8A8) if model.repo == repo), None)


HEADER = 4096
LAYERS = 92
CONFIG = {
    "architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe", "hidden_size": 5120,
    "num_hidden_layers": LAYERS, "num_nextn_predict_layers": 1, "num_attention_heads": 96,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288,
    "moe_intermediate_size": 1536, "n_routed_experts": 160, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "first_k_dense_replace": 3, "routed_scaling_factor": 2.5,
    "n_group": 1, "topk_group": 1, "max_position_embeddings": 202752, "rope_theta": 1000000,
    "partial_rotary_factor": 0.5, "use_qk_norm": True, "attention_bias": True,
    "vocab_size": 151552, "torch_dtype": "bfloat16", "tie_word_embeddings": False,
    "transformers_version": "4.54.0", "eos_token_id": [151329, 151336, 151338],
    "pad_token_id": 151329,
}  # fmt: skip

SPECIAL_TOKENS = {
    "<|endoftext|>": 151329, "[gMASK]": 151331, "<sop>": 151333, "<|system|>": 151335,
    "<|user|>": 151336, "<|assistant|>": 151337, "<|observation|>": 151338, "<think>": 151350,
    "</think>": 151351, "<tool_call>": 151352, "</tool_call>": 151353, "<tool_response>": 151354,
    "</tool_response>": 151355, "<arg_key>": 151356, "</arg_key>": 151357, "<arg_value>": 151358,
    "</arg_value>": 151359,
}  # fmt: skip


def shard_names() -> list[str]:
    """Return the names of the weight files."""
    return [f"model-{n:05d}-of-{SHARDS:05d}.safetensors" for n in range(1, SHARDS + 1)]


def shards(model: Model) -> dict[str, int]:
    """Return names and bytes of the weight files; together the tensors and a header each."""
    each = model.total // SHARDS
    sizes = [each + HEADER] * (SHARDS - 1) + [model.total - each * (SHARDS - 1) + HEADER]
    return dict(zip(shard_names(), sizes, strict=True))


def texts(model: Model) -> dict[str, str]:
    """Return the small files of the model."""
    weights = {"model.embed_tokens.weight": shard_names()[0]}
    for layer in range(LAYERS + 1):
        shard = shard_names()[min(layer, SHARDS - 1)]
        for part in ("self_attn.q_proj", "self_attn.o_proj", "input_layernorm", "mlp.gate"):
            weights[f"model.layers.{layer}.{part}.weight"] = shard
    weights["lm_head.weight"] = shard_names()[-1]
    # As in the model's own file: the tags stay in the text when special tokens are skipped.
    tokens = [
        {"id": i, "content": t, "special": t[1] == "|" or t[0] == "["}
        for t, i in SPECIAL_TOKENS.items()
    ]
    extra = {"quant_model_description.json": json.dumps({"model_quant_type": "W8A8"})}
    return {
        **(extra if model.quantised else {}),
        "config.json": json.dumps(CONFIG, indent=2),
        "generation_config.json": json.dumps(
            {"eos_token_id": CONFIG["eos_token_id"], "temperature": 1.0}, indent=2
        ),
        "model.safetensors.index.json": json.dumps(
            {"metadata": {"total_size": model.total}, "weight_map": weights}, indent=1
        ),
        "tokenizer.json": json.dumps({"version": "1.0", "added_tokens": tokens, "model": {}}),
        "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 202752}
        ),
        "chat_template.jinja": "[gMASK]<sop>{# simulated #}<|assistant|>\n<think>",
    }


def lay(root: Path, model: Model) -> Path:
    """Lay a model down on a node, whole; returns its folder."""
    folder = root / model.place
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts(model).items():
        write(folder / name, text)
    for name, size in shards(model).items():
        grow(folder / name, size)
    return folder


def grow(path: Path, size: int) -> None:
    """Make a file of a size that takes no room on disk."""
    with path.open("ab") as handle:
        os.truncate(handle.fileno(), size)
