"""The parsers on GLM-4.7's texts, on vLLM's own base classes: whole, and streamed in any pieces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glm47_tui import assets
from tests.support import light_vllm, parser_cases

SELFTEST = assets.path("scripts", "container", "selftest.py")
PIECES = (0, 1, 2, 3, 7, 50, 10_000)


def tool(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": properties},
        },
    }


TOOLS = [
    tool("put", text={"type": "string"}, maybe={"type": ["string", "null"]}, n={"type": "integer"},
         items={"type": "array"}, any={}, kind={"enum": ["a", "b"]},
         either={"anyOf": [{"type": "string"}, {"type": "null"}]}, on={"type": "boolean"}),
    tool("ping"),
]  # fmt: skip


def call(name: str, **arguments: str) -> str:
    pairs = (f"<arg_key>{k}</arg_key><arg_value>{v}</arg_value>" for k, v in arguments.items())
    return f"<tool_call>{name}{''.join(pairs)}</tool_call>"


CODE = "def f():\n    if a < b:\n        return '<x>'\n"

CASES: dict[str, tuple[str, str, list[Any]]] = {
    "no call": ("Just words, 2 < 3.", "Just words, 2 < 3.", []),
    "no argument": (call("ping"), "", [["ping", {}]]),
    "white space round the name": ("<tool_call>\nping \n</tool_call>", "", [["ping", {}]]),
    "words before": ("Wait." + call("ping"), "Wait.", [["ping", {}]]),
    "source code": (call("put", text=CODE), "", [["put", {"text": CODE}]]),
    "Chinese": (call("put", text="北京的天气"), "", [["put", {"text": "北京的天气"}]]),
    "types": (
        call("put", n="3", items='["a", 1]', on="true", any='{"k": null}', kind="a"),
        "",
        [["put", {"n": 3, "items": ["a", 1], "on": True, "any": {"k": None}, "kind": "a"}]],
    ),
    "strings stay strings": (
        call("put", text="3", maybe="[1]", either="true"),
        "",
        [["put", {"text": "3", "maybe": "[1]", "either": "true"}]],
    ),
    "null where it may be": (
        call("put", maybe="null", either="null", text="null"),
        "",
        [["put", {"maybe": None, "either": None, "text": "null"}]],
    ),
    "python's notation": (
        call("put", items="['a', (1, 2)]", any="True"),
        "",
        [["put", {"items": ["a", [1, 2]], "any": True}]],
    ),
    "not a number for JSON": (call("put", any="NaN"), "", [["put", {"any": "NaN"}]]),
    "the end tag as data": (
        call("put", text="say </tool_call> twice </tool_call>", n="1"),
        "",
        [["put", {"text": "say </tool_call> twice </tool_call>", "n": 1}]],
    ),
    "newline between tags": (
        "<tool_call>put\n<arg_key>n</arg_key>\n<arg_value>1</arg_value>\n</tool_call>",
        "",
        [["put", {"n": 1}]],
    ),
    "three calls": (
        call("ping") + call("put", n="1") + "\n" + call("ping"),
        "",
        [["ping", {}], ["put", {"n": 1}], ["ping", {}]],
    ),
    "a tool nobody offered": (call("other", x="1"), "", [["other", {"x": 1}]]),
    "an empty string": (call("put", text=""), "", [["put", {"text": ""}]]),
}


def answers(python_path: Path, model: Path, cases: list[Any], plugins: bool) -> list[Any]:
    words = [sys.executable, parser_cases.__file__, str(SELFTEST), str(model)]
    if plugins:
        words.append(str(assets.path("patches")))
    done = subprocess.run(
        words, input=json.dumps(cases), capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(python_path),
             "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder: a tokenizer whose role tags are special and whose others are not."""
    return tokenizer(tmp_path_factory.mktemp("model"))


def tokenizer(folder: Path, special: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> Path:
    roles = ["<|endoftext|>", "<|user|>", "<|observation|>", "<|assistant|>"]
    data = {"special": [*roles, *special], "missing": list(missing)}
    (folder / "tokenizer.json").write_text(json.dumps(data))
    return folder


@pytest.fixture(scope="session")
def pristine(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vLLM as released."""
    return light_vllm.build(tmp_path_factory.mktemp("pristine"), released)


@pytest.fixture(scope="session")
def patched_vllm(
    pristine: Path, patched_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """vLLM with the patches applied."""
    folder = tmp_path_factory.mktemp("light") / "patched"
    shutil.copytree(pristine, folder)
    for path, data in patched_files.items():
        (folder / "vllm" / path).write_bytes(data)
    return folder


@pytest.fixture(scope="session", params=["patched", "plugin"])
def parsed(
    request: pytest.FixtureRequest, pristine: Path, patched_vllm: Path, model: Path
) -> dict[tuple[str, int], Any]:
    """All cases in all pieces, by both ways of bringing the parsers in."""
    plugins = request.param == "plugin"
    keys = [(name, piece) for name in CASES for piece in PIECES]
    cases = [
        {"text": CASES[name][0], "tools": TOOLS, "piece": piece,
         "switches": {"enable_thinking": False}}
        for name, piece in keys
    ]  # fmt: skip
    found = answers(pristine if plugins else patched_vllm, model, cases, plugins)
    return dict(zip(keys, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_text_is_read_right_however_it_comes(name: str, parsed: dict[tuple[str, int], Any]) -> None:
    _, content, calls = CASES[name]
    for piece in PIECES:
        found = parsed[name, piece]
        assert found["calls"] == calls, piece
        assert found["content"].strip() == content, piece
        assert found["reasoning"] == ""


BROKEN = {
    "no name": "<tool_call></tool_call> then",
    "no end": "So <tool_call>put<arg_key>n</arg_key><arg_value>1",
    "words for a name": "<tool_call>please call it</tool_call>",
}


def test_a_malformed_call_comes_back_as_text_and_the_stream_goes_on(
    patched_vllm: Path, model: Path
) -> None:
    switches = {"enable_thinking": False}
    cases = [
        {"text": text, "tools": TOOLS, "piece": piece, "switches": switches}
        for text in BROKEN.values()
        for piece in PIECES
    ]
    for case, found in zip(cases, answers(patched_vllm, model, cases, False), strict=True):
        assert (found["content"], found["calls"]) == (case["text"], []), case


THINKING = [
    ("Let me see.</think>It is 4.", {}, "Let me see.", "It is 4."),
    ("Let me see.</think>It is 4.", {"enable_thinking": True}, "Let me see.", "It is 4."),
    ("It is 4.", {"enable_thinking": False}, "", "It is 4."),
    ("It is 4.", {"thinking": False}, "", "It is 4."),
    ("想一想。</think>答案是四。", {}, "想一想。", "答案是四。"),
    ("never ends", {}, "never ends", ""),
]


@pytest.mark.parametrize("plugins", [False, True])
def test_thinking_is_split_by_the_request(
    plugins: bool, pristine: Path, patched_vllm: Path, model: Path
) -> None:
    cases = [
        {"text": text, "switches": switches, "piece": piece}
        for text, switches, _, _ in THINKING
        for piece in (0, 1, 4)
    ]
    wanted = [(r, c) for _, _, r, c in THINKING for _ in range(3)]
    found = answers(pristine if plugins else patched_vllm, model, cases, plugins)
    assert [(x["reasoning"], x["content"]) for x in found] == wanted


def selftest(python_path: Path, model: Path, *more: str) -> tuple[int, dict[str, str]]:
    done = subprocess.run(
        [sys.executable, str(SELFTEST), "--model", str(model), *more], capture_output=True,
        text=True, timeout=120, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(python_path),
             "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    lines = [x.split(maxsplit=3) for x in done.stdout.splitlines() if x.startswith("@@ selftest")]
    return done.returncode, {x[2]: x[3] for x in lines}


def test_selftest_passes_on_patched_files(patched_vllm: Path, model: Path) -> None:
    code, said = selftest(patched_vllm, model)
    assert code == 0
    assert len(said) == 13
    assert set(said.values()) == {"ok"}


def test_selftest_passes_with_plugins_on_untouched_files(pristine: Path, model: Path) -> None:
    code, said = selftest(pristine, model, "--plugins", str(assets.path("patches")))
    assert (code, set(said.values())) == (0, {"ok"})


def test_selftest_fails_on_untouched_files(pristine: Path, model: Path) -> None:
    code, said = selftest(pristine, model)
    assert code == 1
    assert "glm47" in said["import"]
    code, said = selftest(pristine, model, "--tool-parser", "glm45")
    assert code == 1
    failed = {name for name, word in said.items() if word.startswith("failed")}
    assert {"call_two_arguments", "call_no_argument_streamed", "thinking_on"} <= failed
    assert said["thinking_off"] == "ok"


@pytest.mark.parametrize(
    ("special", "missing", "why"),
    [(("<tool_call>",), (), "text of <tool_call>"), ((), ("<think>",), "tokens of <think>")],
)
def test_selftest_names_a_tokenizer_that_is_not_glms(
    special: tuple[str, ...], missing: tuple[str, ...], why: str, patched_vllm: Path, tmp_path: Path
) -> None:
    code, said = selftest(patched_vllm, tokenizer(tmp_path, special, missing))
    assert code == 1
    assert said["tokens"].startswith("failed " + why)


GLM_IDS = {tag: 256 + number for number, tag in enumerate(light_vllm.TAGS)}


@pytest.mark.parametrize(
    ("own", "config", "why"),
    [
        ({}, {}, None),
        ({"</think>": None}, {}, "</think> is token 261 here, but the model's tokenizer.json does"),
        ({"<arg_key>": 7}, {}, "<arg_key> is token 264 here, but the model's tokenizer.json has"),
        ({"<|user|>": None}, {}, "<|user|> is token 257 here"),
        ({}, {"<tool_call>": 9}, "<tool_call> is token 262 in tokenizer.json and 9 in tokenizer_"),
    ],
)  # fmt: skip
def test_selftest_compares_the_tags_with_both_files(
    own: dict[str, int | None], config: dict[str, int], why: str | None, patched_vllm: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A tag that tokenizer.json lost comes back from the other file with an id of its own, which
    the model never writes: text that goes to ids and back does not show it."""
    file = tokenizer(tmp_path) / "tokenizer.json"
    listed = [{"content": t, "id": n} for t, n in {**GLM_IDS, **own}.items() if n is not None]
    file.write_text(json.dumps({**json.loads(file.read_text()), "added_tokens": listed}))
    decoder = {str(n): {"content": t} for t, n in {**GLM_IDS, **config}.items()}
    named = {"added_tokens_decoder": decoder}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(named))
    code, said = selftest(patched_vllm, tmp_path)
    if why is None:
        assert (code, set(said.values())) == (0, {"ok"})
    else:
        assert code == 1 and said["tokens"].startswith("failed " + why), said["tokens"]


def test_selftest_says_what_is_missing(patched_vllm: Path, pristine: Path, tmp_path: Path) -> None:
    code, said = selftest(patched_vllm, tmp_path / "nothing")
    assert (code, said["import"]) == (1, "ok")
    assert "there is no folder" in said["tokenizer"]
    code, said = selftest(pristine, tokenizer(tmp_path), "--plugins", str(tmp_path))
    assert code == 1
    assert "glm47_tool_parser_plugin.py is missing" in said["import"]
    (tmp_path / "glm47_tool_parser_plugin.py").write_text("import nothing_of_the_kind\n")
    assert "nothing_of_the_kind" in selftest(pristine, tmp_path, "--plugins", str(tmp_path))[1][
        "import"
    ]  # fmt: skip
