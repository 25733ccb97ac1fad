"""No thinking: all is content. Simulated."""

from vllm.entrypoints.openai.protocol import DeltaMessage
from vllm.reasoning.abs_reasoning_parsers import ReasoningParser


class IdentityReasoningParser(ReasoningParser):
    """Takes everything for content."""

    def is_reasoning_end(self, input_ids):
        """There is nothing to end."""
        return True

    def extract_content_ids(self, input_ids):
        """All tokens are content."""
        return list(input_ids)

    def extract_reasoning(self, model_output, request):
        """Return (reasoning, content)."""
        return None, model_output

    def extract_reasoning_streaming(
        self, previous_text, current_text, delta_text, previous_token_ids, current_token_ids,
        delta_token_ids,
    ):  # fmt: skip
        """Hand the text on."""
        return DeltaMessage(content=delta_text) if delta_text else None
