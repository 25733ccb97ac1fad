"""Messages of the OpenAI protocol: the names and fields that parsers and server need."""

import json
import uuid


def _plain(value):
    if isinstance(value, Model):
        return value.model_dump()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


class Model:
    """Fields with defaults; remembers which were set."""

    defaults: dict = {}

    def __init__(self, **values):
        self.__dict__["_set"] = set()
        for name, default in self.defaults.items():
            self.__dict__[name] = default() if callable(default) else default
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        self._set.add(name)
        self.__dict__[name] = value

    def model_dump(self, exclude_unset=False):
        """Return the fields as plain data."""
        names = [n for n in self.__dict__ if n != "_set"]
        return {n: _plain(getattr(self, n)) for n in names if not exclude_unset or n in self._set}

    def model_dump_json(self, **options):
        """Return the fields as JSON."""
        return json.dumps(self.model_dump(**options), ensure_ascii=False)


class _Thinking(Model):
    def __init__(self, **values):
        super().__init__(**values)
        if "reasoning" in self._set:  # 0.13.0 says it twice, for clients of older versions
            self.reasoning_content = self.reasoning


class FunctionDefinition(Model):
    defaults = {"name": "", "description": None, "parameters": None}


class ChatCompletionToolsParam(Model):
    defaults = {"type": "function", "function": None}


class ChatCompletionRequest(Model):
    defaults = {"messages": list, "model": None, "tools": None, "tool_choice": "none"}

    def __init__(self, **values):
        super().__init__(**values)
        self.tools = [
            tool
            if isinstance(tool, Model)
            else ChatCompletionToolsParam(function=FunctionDefinition(**tool["function"]))
            for tool in self.tools or []
        ] or None


class FunctionCall(Model):
    defaults = {"name": "", "arguments": ""}


class ToolCall(Model):
    defaults = {
        "id": lambda: f"chatcmpl-tool-{uuid.uuid4().hex[:16]}",
        "type": "function",
        "function": None,
    }


class DeltaFunctionCall(Model):
    defaults = {"name": None, "arguments": None}


class DeltaToolCall(Model):
    defaults = {"id": None, "type": None, "index": 0, "function": None}

    def model_dump(self, exclude_unset=False):
        values = super().model_dump(exclude_unset)
        if isinstance(self.function, Model):
            values["function"] = self.function.model_dump(exclude_unset)
        return values


class ExtractedToolCallInformation(Model):
    defaults = {"tools_called": False, "tool_calls": list, "content": None}


class DeltaMessage(_Thinking):
    defaults = {
        "role": None, "content": None, "reasoning": None, "reasoning_content": None,
        "tool_calls": list,
    }  # fmt: skip

    def model_dump(self, exclude_unset=False):
        values = super().model_dump(exclude_unset)
        if "tool_calls" in values:
            values["tool_calls"] = [c.model_dump(exclude_unset) for c in self.tool_calls or []]
        return values


class ChatMessage(_Thinking):
    defaults = {
        "role": "assistant", "content": None, "refusal": None, "annotations": None, "audio": None,
        "function_call": None, "tool_calls": list, "reasoning": None, "reasoning_content": None,
    }  # fmt: skip
