"""The whole vLLM 0.13.0 against what the project says of it: its flags, and both parsers.

Needs what ``tests.lab prepare`` made (the package and a Python with its requirements), no lab.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from glm47_tui import assets
from glm47_tui.render.known import Versions
from glm47_tui.render.lint.tables import table_for
from tests.lab.kit.layout import cache_dir
from tests.support import parser_cases
from tests.unit.patches.test_parsers import BROKEN, CASES, PIECES, SELFTEST, THINKING, TOOLS

OFF = {"enable_thinking": False}

FLAGS = """
import argparse, json
from vllm.entrypoints.openai.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
out = {}
for a in make_arg_parser(FlexibleArgumentParser())._actions:
    kind = ("bool" if isinstance(a, argparse.BooleanOptionalAction) else "none" if a.nargs == 0
            else "maybe" if a.nargs == "?" else "list" if a.nargs in ("+", "*") else "value")
    out.update({o: kind for o in a.option_strings if o not in ("-h", "--help")})
print("\\n" + json.dumps(out))
"""


def run(*words: str, given: str = "", vllm: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the lab's Python with the whole vLLM."""
    return subprocess.run(
        [str(cache_dir() / "venv/bin/python3"), *words], input=given, capture_output=True,
        text=True, timeout=300, check=False, cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(vllm or cache_dir() / "vllm"),
             "HOME": "/tmp", "VLLM_LOGGING_LEVEL": "ERROR", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def python(code_or_file: str, *args: str, given: str = "", vllm: Path | None = None) -> str:
    """Run Python in the lab's environment; returns the last line of its output."""
    file = [code_or_file] if code_or_file.endswith(".py") else ["-c", code_or_file]
    done = run(*file, *args, given=given, vllm=vllm)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.usefixtures("prepared")
def test_table_of_flags_is_the_real_parsers() -> None:
    real = json.loads(python(FLAGS))
    ours = {}
    for word, flag in table_for("vllm", Versions()).flags.items():
        kind = flag.kind if flag.kind in ("bool", "none", "maybe", "list") else "value"
        ours[word] = kind
        if flag.kind == "bool" and word.startswith("--"):
            ours["--no-" + word.removeprefix("--")] = kind
    assert ours == real


def cases() -> list[dict[str, Any]]:
    """Texts of the unit tests, in all pieces."""
    texts = [(text, TOOLS, OFF) for text, _, _ in CASES.values()]
    texts += [(text, TOOLS, OFF) for text in BROKEN.values()]
    texts += [(text, TOOLS, switches) for text, switches, _, _ in THINKING]
    return [
        {"text": text, "tools": tools, "switches": switches, "piece": piece}
        for text, tools, switches in texts
        for piece in PIECES
    ]


def wanted() -> list[tuple[str, str, list[Any]]]:
    """What each case must yield: thinking, answer, calls."""
    out: list[tuple[str, str, list[Any]]] = [("", c, calls) for _, c, calls in CASES.values()]
    out += [("", text, []) for text in BROKEN.values()]
    out += [(reasoning, content, []) for _, _, reasoning, content in THINKING]
    return [answer for answer in out for _ in PIECES]


def patched(folder: Path) -> Path:
    """A copy of the two parser folders with the patches applied, the rest by links."""
    source = cache_dir() / "vllm"
    package = folder / "vllm"
    package.mkdir()
    for item in (source / "vllm").iterdir():
        if item.name in ("tool_parsers", "reasoning"):
            shutil.copytree(item, package / item.name)
        else:
            (package / item.name).symlink_to(item)
    script = assets.path("scripts", "container", "patches.sh")
    subprocess.run(
        ["bash", str(script), "apply", "--vllm", str(package), "--backup", str(folder / "backup"),
         "--patches", str(assets.path("patches"))],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return folder


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("way", ["patch", "plugin"])
def test_parsers_on_the_whole_vllm(way: str, tmp_path: Path) -> None:
    vllm = patched(tmp_path) if way == "patch" else None
    words = [str(SELFTEST), str(cache_dir() / "model")]
    if way == "plugin":
        words.append(str(assets.path("patches")))
    answers = json.loads(
        python(parser_cases.__file__, *words, given=json.dumps(cases()), vllm=vllm)
    )
    for case, answer, right in zip(cases(), answers, wanted(), strict=True):
        found = (answer["reasoning"], answer["content"], answer["calls"])
        assert (found[0], found[1].strip(), found[2]) == (right[0], right[1].strip(), right[2]), (
            case
        )


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    ("renamed", "test", "why"),
    [
        (None, "import", "glm47"),
        ("</think>", "tokens", "</think> is token 1000 here, but the model's tokenizer.json does"),
    ],
)
def test_the_selftest_can_fail(renamed: str | None, test: str, why: str, tmp_path: Path) -> None:
    """Without patches; and patched, with a tag that was renamed in tokenizer.json alone. That it
    passes is seen in each deployment, by patches and by plugins."""
    model = tmp_path / "model"
    shutil.copytree(cache_dir() / "model", model)
    if renamed is not None:
        file = model / "tokenizer.json"
        file.write_text(file.read_text().replace(f'"{renamed}"', '"<other>"'))
    (tmp_path / "patched").mkdir()
    vllm = patched(tmp_path / "patched") if renamed is not None else None
    done = run(str(SELFTEST), "--model", str(model), vllm=vllm)
    assert done.returncode == 1, done.stderr[-2000:]
    failed = [x for x in done.stdout.splitlines() if x.startswith("@@ selftest") and " ok" not in x]
    assert failed[0].startswith(f"@@ selftest {test} failed "), failed
    assert why in failed[0]
    assert len(failed) == 1
