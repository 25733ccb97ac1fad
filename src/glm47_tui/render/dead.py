"""Which settings the chosen versions do not read (errata 10 and 11): for ``drop_dead``."""

from __future__ import annotations

from glm47_tui.profile import Profile


def dead_env(profile: Profile) -> frozenset[str]:
    """Environment variables without effect."""
    del profile
    return frozenset({"VLLM_USE_V1"})


def dead_keys(profile: Profile) -> frozenset[str]:
    """Top-level keys of --additional-config without effect."""
    del profile
    return frozenset(
        {
            "enable_multistream_moe",
            "chunked_prefill_for_mla",
            "ascend_scheduler_config",
            "enable_weight_nz_layout",
        }
    )
