#!/usr/bin/env python3
"""Feed both parsers of this container's vLLM text as GLM-4.7 writes it. Touches no NPU.

    selftest.py --model DIR [--plugins DIR] [--tool-parser NAME] [--reasoning-parser NAME]

The parsers come from vLLM's own registries by their names, as ``vllm serve`` finds them; with
``--plugins`` the two plugin files in DIR are loaded first, as ``--tool-parser-plugin`` and
``--reasoning-parser-plugin`` do. The tokenizer is that of the model in DIR. Streamed text goes in
token by token, the way vLLM's chat server hands it on.

Prints a line ``@@ selftest NAME ok`` or ``@@ selftest NAME failed WHY`` for each test. Exit codes:
0 all are ok, 1 one failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, Callable

# Parsers need neither the NPU plugin nor the network. (`docker exec` has not sourced the CANN
# environment, so that torch could not even load its NPU backend.)
os.environ.update(
    VLLM_PLUGINS="none",
    TORCH_DEVICE_BACKEND_AUTOLOAD="0",
    VLLM_LOGGING_LEVEL="CRITICAL",
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    VLLM_USE_MODELSCOPE="0",
    TOKENIZERS_PARALLELISM="false",
)

# The test runs beside the engine's own start: it makes way, and collecting garbage would only
# find the modules that are being imported (a fifth of the time).
gc.disable()
os.nice(10)

LIMIT_S = 570  # a busy machine may leave it little beside the engine; who called it gives it 600
TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>",
        "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>")
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
ENDS = ("<|observation|>", "<|user|>", "<|endoftext|>")
PLUGINS = {"tool": "glm47_tool_parser_plugin.py", "reasoning": "glm47_reasoning_parser_plugin.py"}

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "get_time",
            "description": "Time now",
            "parameters": {"type": "object", "properties": {}},
        },
    },
]
TWO = (
    "<tool_call>get_weather<arg_key>city</arg_key><arg_value>北京</arg_value>"
    "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>"
)
NONE = "<tool_call>get_time</tool_call>"
TWO_CALL = ("get_weather", {"city": "北京", "days": 3})
NONE_CALL = ("get_time", {})
THOUGHT = "用户问天气, 2 < 3, so I look it up."
ANSWER = "好的, it is sunny."


class Failed(Exception):
    """A test's answer is not the right one."""


def expect(what: str, found: Any, wanted: Any) -> None:
    """Raise Failed unless the two are equal."""
    if found != wanted:
        raise Failed(f"{what}: got {found!r}, wanted {wanted!r}")


class Bench:
    """The two parser classes and the tokenizer, and ways to drive them as the server does."""

    def __init__(self, tool_class: Any, reasoning_class: Any, tokenizer: Any,
                 model: Path | None = None) -> None:
        from vllm.entrypoints.openai.protocol import ChatCompletionRequest

        self.tool_class = tool_class
        self.reasoning_class = reasoning_class
        self.tokenizer = tokenizer
        self.model = model
        self.request = ChatCompletionRequest(
            model="glm47", messages=[{"role": "user", "content": "?"}], tools=TOOLS
        )

    def think(self, **switches: bool) -> Any:
        """Return a fresh reasoning parser with a request's ``chat_template_kwargs``."""
        return self.reasoning_class(self.tokenizer, chat_template_kwargs=switches or None)

    def whole(self, text: str, **switches: bool) -> SimpleNamespace:
        """Parse a complete output: thinking first, then the calls in what is left."""
        reasoning, content = self.think(**switches).extract_reasoning(text, self.request)
        answer = SimpleNamespace(reasoning=reasoning or "", content=content or "", calls=[])
        if content:
            info = self.tool_class(self.tokenizer).extract_tool_calls(content, self.request)
            answer.content = info.content or ""
            answer.calls = [(c.function.name, json.loads(c.function.arguments))
                            for c in info.tool_calls]
        return answer

    def tokens(self, text: str) -> list[tuple[list[int], str]]:
        """Cut text into the (ids, text) steps of a stream: a character is never cut in two.

        The last step is the token that ends a message, which has no text.
        """
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        steps, done, start = [], "", 0
        for i in range(1, len(ids) + 1):
            said = self.tokenizer.decode(ids[:i], skip_special_tokens=True)
            if said.endswith("\ufffd"):
                continue
            steps.append((ids[start:i], said[len(done):]))
            done, start = said, i
        vocab = self.tokenizer.get_vocab()
        return [*steps, ([next(vocab[end] for end in ENDS if end in vocab)], "")]

    def streamed(self, text: str, **switches: bool) -> SimpleNamespace:
        """Parse token by token, as vLLM's chat server does with tools and a reasoning parser."""
        thinker, caller = self.think(**switches), self.tool_class(self.tokenizer)
        deltas: list[Any] = []
        ended, handed_on = thinker.is_reasoning_end([]), False
        before, before_ids = "", []
        for ids, delta in self.tokens(text):
            now, now_ids = before + delta, before_ids + ids
            message = None
            if not ended:
                message = thinker.extract_reasoning_streaming(
                    before, now, delta, before_ids, now_ids, ids)
                if thinker.is_reasoning_end(ids):
                    ended = True
                    now_ids = thinker.extract_content_ids(ids)
                    now = (message.content if message else None) or ""
                    if message:
                        message.content = None
                        deltas.append(message)
            if ended:
                if not handed_on:
                    handed_on = True
                    before, before_ids, delta, ids = "", [], now, now_ids
                message = caller.extract_tool_calls_streaming(
                    before, now, delta, before_ids, now_ids, ids, self.request)
            if message is not None:
                deltas.append(message)
            before, before_ids = now, now_ids
        return self.joined(deltas)

    @staticmethod
    def joined(deltas: list[Any]) -> SimpleNamespace:
        """Put a stream's deltas together, as a client does."""
        answer = SimpleNamespace(reasoning="", content="", calls=[])
        calls: dict[int, list[str]] = {}
        for message in deltas:
            data = message.model_dump(exclude_unset=True)
            answer.reasoning += data.get("reasoning") or ""
            answer.content += data.get("content") or ""
            for call in data.get("tool_calls") or []:
                name, arguments = calls.setdefault(call["index"], ["", ""])
                function = call.get("function") or {}
                calls[call["index"]] = [
                    name + (function.get("name") or ""),
                    arguments + (function.get("arguments") or ""),
                ]
        answer.calls = [(n, json.loads(a)) for _, (n, a) in sorted(calls.items())]
        return answer


def ids_in_files(model: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Ids of tokens as the model's tokenizer.json and tokenizer_config.json list them."""
    listed: list[dict[str, int]] = []
    for name in ("tokenizer.json", "tokenizer_config.json"):
        file = model / name
        data = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        added = {t["content"]: t["id"] for t in data.get("added_tokens") or []}
        vocab = (data.get("model") or {}).get("vocab") if added else None
        added = {**(vocab if isinstance(vocab, dict) else {}), **added}
        for number, token in (data.get("added_tokens_decoder") or {}).items():
            added[token["content"]] = int(number)
        listed.append(added)
    return listed[0], listed[1]


def check_ids(bench: Bench) -> None:
    """The ids of the tags must be those that the model was trained on.

    A tag that tokenizer.json does not have is added when tokenizer_config.json names it: with an
    id of its own, which the model never writes. The parsers would look for it in vain, and text
    that goes to ids and back would show nothing.
    """
    if bench.model is None:
        return
    own, config = ids_in_files(bench.model)
    vocab = bench.tokenizer.get_vocab()
    for tag in (*TAGS, *ROLES, *ENDS):
        number = vocab.get(tag)
        if number is None:
            continue
        if own and own.get(tag) != number:
            where = f"has it as {own[tag]}" if tag in own else "does not have it"
            raise Failed(f"{tag} is token {number} here, but the model's tokenizer.json {where}: "
                         "the model writes another text in its place")
        if config.get(tag, number) != number:
            raise Failed(f"{tag} is token {number} in tokenizer.json and {config[tag]} in "
                         "tokenizer_config.json: the files are not of one model")


def check_tokens(bench: Bench) -> None:
    """The tags must be one token each, the model's, and stay in the text that the server sees."""
    for tag in TAGS:
        ids = bench.tokenizer.encode(tag, add_special_tokens=False)
        expect(f"tokens of {tag}", len(ids), 1)
        expect(f"text of {tag}", bench.tokenizer.decode(ids, skip_special_tokens=True), tag)
    if not any(end in bench.tokenizer.get_vocab() for end in ENDS):
        raise Failed(f"none of {', '.join(ENDS)} in the vocabulary")
    check_ids(bench)


def check_calls(text: str, calls: list[Any], streamed: bool) -> Callable[[Bench], None]:
    """A test that a text without thinking yields just these calls."""

    def run(bench: Bench) -> None:
        read = bench.streamed if streamed else bench.whole
        answer = read(text, enable_thinking=False)
        expect("calls", answer.calls, calls)
        expect("content", answer.content.strip(), "")

    return run


def check_thinking(on: bool, streamed: bool) -> Callable[[Bench], None]:
    """A test of the split of thinking and answer. With thinking off all of it is answer."""

    def run(bench: Bench) -> None:
        read = bench.streamed if streamed else bench.whole
        if on:
            answer = read(f"{THOUGHT}</think>{ANSWER}")
            expect("reasoning", answer.reasoning.strip(), THOUGHT)
        else:
            answer = read(ANSWER, enable_thinking=False)
            expect("reasoning", answer.reasoning, "")
        expect("content", answer.content.strip(), ANSWER)
        expect("calls", answer.calls, [])

    return run


def check_thinking_then_calls(streamed: bool) -> Callable[[Bench], None]:
    """A test of thinking, a sentence, and two calls in one answer."""

    def run(bench: Bench) -> None:
        read = bench.streamed if streamed else bench.whole
        answer = read(f"{THOUGHT}</think>{ANSWER}{TWO}{NONE}")
        expect("reasoning", answer.reasoning.strip(), THOUGHT)
        expect("content", answer.content.strip(), ANSWER)
        expect("calls", answer.calls, [TWO_CALL, NONE_CALL])

    return run


TESTS: dict[str, Callable[[Bench], None]] = {
    "tokens": check_tokens,
    "call_two_arguments": check_calls(TWO, [TWO_CALL], False),
    "call_two_arguments_streamed": check_calls(TWO, [TWO_CALL], True),
    "call_no_argument": check_calls(NONE, [NONE_CALL], False),
    "call_no_argument_streamed": check_calls(NONE, [NONE_CALL], True),
    "thinking_on": check_thinking(True, False),
    "thinking_on_streamed": check_thinking(True, True),
    "thinking_off": check_thinking(False, False),
    "thinking_off_streamed": check_thinking(False, True),
    "thinking_then_calls": check_thinking_then_calls(False),
    "thinking_then_calls_streamed": check_thinking_then_calls(True),
}


def load_plugin(manager_import: Callable[[str], None], file: Path, known: Callable[[], Any],
                name: str) -> None:
    """Load one plugin file as vLLM does. vLLM only logs a failure: find out what it was."""
    if not file.is_file():
        raise Failed(f"{file} is missing")
    manager_import(str(file))
    if name not in known():
        spec = importlib.util.spec_from_file_location("plugin_again", file)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        raise Failed(f"{file} does not register {name}")


def load_parsers(args: argparse.Namespace) -> tuple[Any, Any]:
    """Import both parsers by name; returns their classes."""
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager

    if args.plugins:
        load_plugin(ToolParserManager.import_tool_parser, args.plugins / PLUGINS["tool"],
                    ToolParserManager.list_registered, args.tool_parser)
        load_plugin(ReasoningParserManager.import_reasoning_parser,
                    args.plugins / PLUGINS["reasoning"],
                    ReasoningParserManager.list_registered, args.reasoning_parser)
    return (
        ToolParserManager.get_tool_parser(args.tool_parser),
        ReasoningParserManager.get_reasoning_parser(args.reasoning_parser),
    )


def load_tokenizer(model: Path) -> Any:
    """Load the tokenizer of a local model folder as the server does."""
    from vllm.tokenizers import get_tokenizer

    if not model.is_dir():
        raise Failed(f"there is no folder {model} in this container")
    return get_tokenizer(str(model))


def report(name: str, error: BaseException | None) -> bool:
    """Print a test's line; returns whether it is ok."""
    if error is None:
        print(f"@@ selftest {name} ok", flush=True)
        return True
    words = " ".join(str(error).split()) or "?"
    if not isinstance(error, Failed):
        words = f"{type(error).__name__}: {words}"
    print(f"@@ selftest {name} failed {words[:600]}", flush=True)
    return False


def attempt(name: str, work: Callable[[], Any]) -> tuple[bool, Any]:
    """Run one test; whatever it raises is its failure."""
    try:
        value = work()
    except Exception as error:
        return report(name, error), None
    return report(name, None), value


def too_slow(signum: int, frame: FrameType | None) -> None:
    """Give up instead of hanging."""
    del signum, frame
    print(f"@@ selftest limit failed no end after {LIMIT_S} s", flush=True)
    os._exit(1)


def main() -> int:
    """Run all tests; see the top of the file."""
    words = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    words.add_argument("--model", type=Path, required=True, help="the model's folder")
    words.add_argument("--plugins", type=Path, help="folder of the plugin files")
    words.add_argument("--tool-parser", default="glm47")
    words.add_argument("--reasoning-parser", default="")
    args = words.parse_args()
    args.reasoning_parser = args.reasoning_parser or ("glm47" if args.plugins else "glm45")
    args.model, args.plugins = args.model.resolve(), args.plugins and args.plugins.resolve()
    os.chdir("/")  # a folder vllm/ in the working directory would be taken for the package
    sys.path[:] = [p for p in sys.path if p]
    signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(LIMIT_S)
    imported, classes = attempt("import", lambda: load_parsers(args))
    loaded, tokenizer = attempt("tokenizer", lambda: load_tokenizer(args.model))
    if not (imported and loaded):
        return 1
    bench = Bench(*classes, tokenizer, args.model)
    results = [attempt(name, lambda test=test: test(bench))[0] for name, test in TESTS.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
