"""The model on a node's disk: small files whole, weights as holes of the right size."""

from __future__ import annotations

import json
import os
from pathlib import Path

from glm47_tui.demo.sim.site import write

PLACE = "opt/data/verification/models/GLM-4.7"
SHARDS = 93
TOTAL_SIZE = 716_684_828_672
"""Bytes of all tensors: 358.34 billion parameters in bfloat16 (facts of the field, section 5)."""
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


def shard_sizes() -> list[int]:
    """Return the bytes of each weight file; together TOTAL_SIZE and a header each."""
    each = TOTAL_SIZE // SHARDS
    return [each + HEADER] * (SHARDS - 1) + [TOTAL_SIZE - each * (SHARDS - 1) + HEADER]


def texts() -> dict[str, str]:
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
    return {
        "config.json": json.dumps(CONFIG, indent=2),
        "generation_config.json": json.dumps(
            {"eos_token_id": CONFIG["eos_token_id"], "temperature": 1.0}, indent=2
        ),
        "model.safetensors.index.json": json.dumps(
            {"metadata": {"total_size": TOTAL_SIZE}, "weight_map": weights}, indent=1
        ),
        "tokenizer.json": json.dumps({"version": "1.0", "added_tokens": tokens, "model": {}}),
        "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 202752}
        ),
        "chat_template.jinja": "[gMASK]<sop>{# simulated #}<|assistant|>\n<think>",
    }


def lay(folder: Path) -> None:
    """Lay a model down: small files whole, weights as holes of the right size."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        write(folder / name, text)
    for name, size in zip(shard_names(), shard_sizes(), strict=True):
        grow(folder / name, size)


def grow(path: Path, size: int) -> None:
    """Make a file of a size that takes no room on disk."""
    with path.open("ab") as handle:
        os.truncate(handle.fileno(), size)
