"""What all tool parsers share."""

from vllm.registry import make_manager


class ToolParser:
    """Base of tool parsers; the server reads and writes its fields between deltas."""

    def __init__(self, tokenizer):
        self.model_tokenizer = tokenizer
        self.prev_tool_call_arr = []
        self.streamed_args_for_tool = []
        self.current_tool_id = -1
        self.current_tool_name_sent = False

    @property
    def vocab(self):
        """Special tokens by text."""
        return self.model_tokenizer.get_vocab()


class ToolParserManager(make_manager("Tool parser")):
    """Tool parsers by name."""

    @classmethod
    def get_tool_parser(cls, name):
        """Return a parser class; KeyError when there is none."""
        return cls.get(name)

    @classmethod
    def import_tool_parser(cls, plugin_path):
        """Load a plugin file."""
        cls.load_plugin(plugin_path)
