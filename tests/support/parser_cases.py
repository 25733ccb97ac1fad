"""Run inside a Python that has vLLM: feed texts to both parsers, whole and in pieces of any size.

    parser_cases.py SELFTEST_PY MODEL [PLUGINS] < cases.json > answers.json

A case: {"text", "tools" (optional), "switches", "piece" (tokens a step; 0: whole)}.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer each case with {"reasoning", "content", "calls", "ids"}."""
    spec = importlib.util.spec_from_file_location("selftest", sys.argv[1])
    assert spec and spec.loader
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    plugins = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    args = argparse.Namespace(
        plugins=plugins, tool_parser="glm47", reasoning_parser="glm47" if plugins else "glm45"
    )
    tokenizer = tests.load_tokenizer(Path(sys.argv[2]))
    classes = tests.load_parsers(args)
    answers = []
    for case in json.load(sys.stdin):
        bench = tests.Bench(*classes, tokenizer)
        if "tools" in case:
            bench.request = type(bench.request)(model="m", messages=[], tools=case["tools"])
        answers.append(answer(bench, case))
    json.dump(answers, sys.stdout)


def answer(bench: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Parse one text."""
    switches = case.get("switches", {})
    if case["piece"] == 0:
        found = bench.whole(case["text"], **switches)
    else:
        single = bench.tokens
        bench.tokens = lambda text: grouped(single(text), case["piece"])
        found = bench.streamed(case["text"], **switches)
    return {"reasoning": found.reasoning, "content": found.content, "calls": found.calls}


def grouped(steps: list[tuple[list[int], str]], size: int) -> list[tuple[list[int], str]]:
    """Join every ``size`` steps to one, as a busy server does."""
    out = []
    for at in range(0, len(steps), size):
        part = steps[at : at + size]
        out.append(([i for ids, _ in part for i in ids], "".join(text for _, text in part)))
    return out


if __name__ == "__main__":
    main()
