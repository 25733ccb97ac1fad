"""What all reasoning parsers share."""

from vllm.registry import make_manager


class ReasoningParser:
    """Base of reasoning parsers."""

    def __init__(self, tokenizer, *args, **kwargs):
        self.model_tokenizer = tokenizer

    @property
    def vocab(self):
        """Special tokens by text."""
        return self.model_tokenizer.get_vocab()

    def is_reasoning_end_streaming(self, input_ids, delta_ids):
        """Whether thinking has ended with these tokens."""
        return self.is_reasoning_end(input_ids)


class ReasoningParserManager(make_manager("Reasoning parser")):
    """Reasoning parsers by name."""

    @classmethod
    def get_reasoning_parser(cls, name):
        """Return a parser class; KeyError when there is none."""
        return cls.get(name)

    @classmethod
    def import_reasoning_parser(cls, plugin_path):
        """Load a plugin file."""
        cls.load_plugin(plugin_path)
