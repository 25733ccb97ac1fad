"""The memory plan: do the weights fit, and how much room is left for KV cache?

The sums are those of the model's own config.json (Glm4MoeForCausalLM): routed experts are spread
over the expert-parallel ranks, everything else over the tensor-parallel ranks. They are estimates
to the first decimal of a GiB; what vLLM measures at start is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

from glm47_tui.node.weights import ModelConfig, ModelOnDisk
from glm47_tui.profile import Profile

GIB = 1 << 30
DRIVER_BYTES = 3103 << 20
"""HBM that torch never sees on a 64 GiB 910B2: it reports 60.97 GiB (vllm-ascend faqs)."""
OVERHEAD_LOW = 3 * GIB
OVERHEAD_HIGH = 6 * GIB
"""Activations, graphs and HCCL buffers per NPU, in bytes, at best and at worst."""

GLM47 = ModelConfig(
    architecture="Glm4MoeForCausalLM", model_type="glm4_moe", dtype="bfloat16", hidden=5120,
    layers=92, heads=96, kv_heads=8, head_dim=128, experts=160, shared_experts=1,
    moe_intermediate=1536, dense_intermediate=12288, dense_layers=3, vocabulary=151552,
    max_positions=202752, mtp_layers=1,
)  # fmt: skip
"""The published config.json of GLM-4.7, for nodes where the weights are not there yet."""
GLM47_TOTAL = 716_700_000_000
"""Bytes of the BF16 weights with the MTP layer, computed from the same config."""


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters: routed experts, everything else, and of the MTP layer."""

    experts: int
    rest: int
    mtp: int

    @property
    def main(self) -> int:
        """Parameters that are loaded when no speculative decoding is asked for."""
        return self.experts + self.rest


def parameters(config: ModelConfig) -> Parameters | None:
    """Count the parameters of a Glm4Moe model; None when the config lacks a number."""
    c = config
    needed = (c.hidden, c.layers, c.heads, c.kv_heads, c.head_dim, c.experts, c.moe_intermediate,
              c.dense_intermediate, c.vocabulary)  # fmt: skip
    if any(n is None for n in needed):
        return None
    hidden, layers, heads, kv, dim, experts, moe, dense, words = (n or 0 for n in needed)
    first = min(c.dense_layers or 0, layers)
    one_expert = 3 * hidden * moe
    attention = hidden * dim * (2 * heads + 2 * kv)
    shared = (c.shared_experts or 0) * one_expert
    embed = 2 * words * hidden
    rest = layers * attention + first * 3 * hidden * dense + embed
    rest += (layers - first) * (shared + experts * hidden)
    routed = (layers - first) * experts * one_expert
    # The MTP layer is one more MoE layer with an embedding, a head and a projection of its own.
    layer = attention + shared + experts * (one_expert + hidden)
    mtp = (c.mtp_layers or 0) * (layer + embed + 2 * hidden * hidden)
    return Parameters(routed, rest, mtp)


@dataclass(frozen=True)
class Plan:
    """Memory of one NPU, in bytes; ``kv_token`` per token of context.

    ``budget`` is what vLLM may use, ``kv_low`` and ``kv_high`` what is left of it for KV cache at
    worst and at best, ``need`` what one request of full length takes. ``assumed``: the published
    config stood in for weights that are not there yet.
    """

    weights: int
    capacity: int
    budget: int
    kv_token: int
    need: int
    assumed: bool
    ranks: int

    @property
    def kv_high(self) -> int:
        """Room for KV cache at best."""
        return self.budget - self.weights - OVERHEAD_LOW

    @property
    def kv_low(self) -> int:
        """Room for KV cache at worst."""
        return self.budget - self.weights - OVERHEAD_HIGH

    @property
    def tokens(self) -> int:
        """Tokens of context an engine can hold at worst."""
        return max(0, self.kv_low) // self.kv_token if self.kv_token else 0


def plan(profile: Profile, model: ModelOnDisk | None, hbm_mb: int) -> Plan | None:
    """Work out the memory plan; ``hbm_mb`` is the smallest HBM of any NPU, in MiB.

    None when the config tells too little (another architecture, a missing file).
    """
    launch = profile.launch
    config = model.config if model is not None and model.exists else None
    assumed = config is None
    if config is None:
        if not profile.model.repo.lower().endswith("/glm-4.7"):
            return None
        config = GLM47
    count = parameters(config)
    if count is None or not count.main:
        return None
    total = model.total_size if model is not None and model.total_size else None
    if total is None:
        total = GLM47_TOTAL if assumed else (count.main + count.mtp) * 2
    # The index counts the MTP layer; without speculative decoding it is not loaded.
    per_parameter = total / (count.main + count.mtp)
    expert_ranks = launch.tensor_parallel * profile.data_parallel
    if not launch.expert_parallel:
        expert_ranks = launch.tensor_parallel
    weights = per_parameter * (count.experts / expert_ranks + count.rest / launch.tensor_parallel)
    capacity = (hbm_mb << 20) - DRIVER_BYTES
    budget = int(capacity * launch.gpu_memory_utilization)
    kv_heads = max(1, (config.kv_heads or 0) // launch.tensor_parallel)
    kv_token = (config.layers or 0) * kv_heads * (config.head_dim or 0) * 2 * 2
    return Plan(int(weights), capacity, budget, kv_token, kv_token * launch.max_model_len,
                assumed, expert_ranks)  # fmt: skip
