"""Thinking up to ``</think>``, whether or not it began with ``<think>``. Simulated."""

from vllm.entrypoints.openai.protocol import DeltaMessage
from vllm.reasoning.abs_reasoning_parsers import ReasoningParser


class DeepSeekR1ReasoningParser(ReasoningParser):
    """Splits at the end token; the start token stood in the prompt."""

    start_token = "<think>"
    end_token = "</think>"

    def __init__(self, tokenizer, *args, **kwargs):
        super().__init__(tokenizer, *args, **kwargs)
        self.start_token_id = self.vocab[self.start_token]
        self.end_token_id = self.vocab[self.end_token]

    def is_reasoning_end(self, input_ids):
        """Whether the last of both tokens is the end."""
        for token in reversed(input_ids):
            if token in (self.start_token_id, self.end_token_id):
                return token == self.end_token_id
        return False

    def is_reasoning_end_streaming(self, input_ids, delta_ids):
        """Whether the end is among these tokens."""
        return self.end_token_id in delta_ids

    def extract_content_ids(self, input_ids):
        """Return the tokens after the end."""
        if self.end_token_id not in input_ids[:-1]:
            return []
        return input_ids[input_ids.index(self.end_token_id) + 1 :]

    def extract_reasoning(self, model_output, request):
        """Return (reasoning, content); without an end all is reasoning."""
        text = model_output.removeprefix(self.start_token)
        reasoning, end, content = text.partition(self.end_token)
        return (reasoning, content or None) if end else (text, None)

    def extract_reasoning_streaming(
        self, previous_text, current_text, delta_text, previous_token_ids, current_token_ids,
        delta_token_ids,
    ):  # fmt: skip
        """Return what a delta adds to either side."""
        if list(delta_token_ids) in ([self.start_token_id], [self.end_token_id]):
            return None
        if self.end_token_id in previous_token_ids:
            return DeltaMessage(content=delta_text)
        if self.end_token_id in delta_token_ids:
            reasoning, _, content = delta_text.partition(self.end_token)
            return DeltaMessage(reasoning=reasoning, content=content or None)
        return DeltaMessage(reasoning=delta_text)
