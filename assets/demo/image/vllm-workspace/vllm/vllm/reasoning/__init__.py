"""Reasoning parsers of the simulated vLLM, by name."""

from vllm.reasoning.abs_reasoning_parsers import ReasoningParser, ReasoningParserManager

__all__ = ["ReasoningParser", "ReasoningParserManager"]

_REASONING_PARSERS_TO_REGISTER = {
    "deepseek_r1": ("deepseek_r1_reasoning_parser", "DeepSeekR1ReasoningParser"),
    "glm45": ("glm4_moe_reasoning_parser", "Glm4MoeModelReasoningParser"),
    "holo2": ("holo2_reasoning_parser", "Holo2ReasoningParser"),
    "identity": ("identity_reasoning_parser", "IdentityReasoningParser"),
}

for _name, (_file, _class) in _REASONING_PARSERS_TO_REGISTER.items():
    ReasoningParserManager.register_lazy_module(_name, f"vllm.reasoning.{_file}", _class)
