"""Takes the place of vllm_ascend in the lab's image: the platform is the CPU."""


def register() -> str:
    """Entry point vllm.platform_plugins: name the platform."""
    return "vllm.platforms.cpu.CpuPlatform"


def keep_experts_whole() -> None:
    """Entry point vllm.general_plugins: every rank holds all experts.

    vLLM shares the experts out among the data-parallel ranks. Its CPU code has no exchange of
    tokens between ranks, so that each would compute a part of every answer and none the whole.
    """
    from vllm.model_executor.layers.fused_moe.config import FusedMoEParallelConfig

    shared_out = FusedMoEParallelConfig.make

    def whole(*args: object, **named: object) -> FusedMoEParallelConfig:
        return shared_out(*args, **{**named, "dp_size_": 1})

    FusedMoEParallelConfig.make = staticmethod(whole)
