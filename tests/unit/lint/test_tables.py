"""The tables, the versions they belong to, and what is known beside them."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from glm47_tui.render.known import (
    Versions,
    cann_names,
    unread_env,
    unread_keys,
    version_key,
    versions_of,
)
from glm47_tui.render.lint.tables import closest, table_for, versions_with_table

GUIDE = Versions()
MAKER = Path(__file__).resolve().parents[3] / "tools" / "make_lint_tables.py"


def test_versions_are_ordered_candidates_before_releases() -> None:
    ordered = ["0.9.1", "0.11.0rc0", "0.12.0rc1", "0.13.0rc1", "0.13.0rc2", "0.13.0", "0.13.1",
             "0.18.0", "0.23.0", "0.23.0.post1"]  # fmt: skip
    assert sorted({*ordered}, key=version_key) == ordered
    assert version_key("0.13.0+cpu") == version_key("v0.13.0-a3") == version_key("0.13.0")
    with pytest.raises(ValueError, match="latest"):
        version_key("latest")


@pytest.mark.parametrize(
    ("image", "ascend", "vllm", "assumed"),
    [
        ("quay.io/ascend/vllm-ascend:v0.13.0rc1", "0.13.0rc1", "0.13.0", False),
        ("m.daocloud.io/quay.io/ascend/vllm-ascend:v0.13.0-a3", "0.13.0", "0.13.0", False),
        ("quay.io/ascend/vllm-ascend:v0.13.0rc1-openeuler", "0.13.0rc1", "0.13.0", False),
        ("quay.io/ascend/vllm-ascend:v0.14.0rc1", "0.14.0rc1", "0.14.1", False),
        ("quay.io/ascend/vllm-ascend:v0.18.0", "0.18.0", "0.18.0", False),
        ("registry:5000/ours/engine:v2.1.0", "0.13.0rc1", "0.13.0", True),
        ("524b38df7811", "0.13.0rc1", "0.13.0", True),
        ("quay.io/ascend/vllm-ascend:latest", "0.13.0rc1", "0.13.0", True),
    ],
)
def test_versions_by_the_images_tag(image: str, ascend: str, vllm: str, assumed: bool) -> None:
    assert versions_of(image) == Versions(vllm, ascend, assumed)


def test_tables_know_what_the_guide_passes() -> None:
    vllm = table_for("vllm", GUIDE)
    for flag, kind in {
        "--data-parallel-start-rank": "int", "--headless": "none", "--max-model-len": "int",
        "--enable-expert-parallel": "bool", "--additional-config": "json",
        "--tool-parser-plugin": "text", "--reasoning-parser-plugin": "text",
        "--enable-auto-tool-choice": "bool", "--quantization": "text", "-tp": "int",
        "--enable-chunked-prefill": "bool", "--cudagraph-capture-sizes": "list",
    }.items():  # fmt: skip
        assert vllm.flags[flag].kind == kind, flag
    assert "glm45" in vllm.tool_parsers
    assert "glm47" not in vllm.tool_parsers | vllm.reasoning_parsers
    assert {"VLLM_LOGGING_LEVEL", "VLLM_PLUGINS"} <= vllm.env
    ascend = table_for("vllm_ascend", GUIDE)
    assert ascend.keys["finegrained_tp_config"]
    assert {"multistream_overlap_shared_expert", "enable_shared_expert_dp"} <= set(ascend.keys)
    assert {"VLLM_ASCEND_ENABLE_NZ", "VLLM_ASCEND_BALANCE_SCHEDULING"} <= ascend.env


def test_parsers_spellings_are_understood() -> None:
    vllm = table_for("vllm", GUIDE)
    for word in ("--max_model_len", "--max-model-len=8", "--max-model", "--no-enable-lora",
                 "--compilation-config.mode", "-O3", "-cc.mode"):  # fmt: skip
        assert vllm.find_flag(word), word
    for word in ("--max", "--no-max-model-len", "--nonsense", "-z"):
        assert vllm.find_flag(word) is None, word


@pytest.mark.parametrize("package", ["vllm", "vllm_ascend"])
def test_what_is_known_as_dead_is_in_no_table_and_what_is_alive_is(package: str) -> None:
    for version in versions_with_table(package):
        versions = Versions(**{package: version})
        table = table_for(package, versions)
        assert table.version == version
        for known in unread_env():
            if known.package == package:
                assert known.dead_in(versions) == (known.name not in table.env), known.name
        for known in unread_keys():
            if known.package == package:
                assert known.dead_in(versions) == (known.name not in table.keys), known.name


def test_a_version_without_a_table_gets_the_one_before_it() -> None:
    assert table_for("vllm_ascend", Versions(vllm_ascend="0.13.0rc2")).version == "0.13.0rc1"
    assert table_for("vllm_ascend", Versions(vllm_ascend="0.23.0")).version == "0.13.0"
    assert table_for("vllm_ascend", Versions(vllm_ascend="0.9.1")).version == "0.13.0rc1"


def test_closest_names_a_near_miss_and_nothing_else() -> None:
    assert closest("HCCL_BUFSIZE", cann_names(), 0.9) == "HCCL_BUFFSIZE"
    assert closest("EDITOR", cann_names(), 0.9) is None


def wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_tables_are_made_from_sources_alone(tmp_path: Path) -> None:
    vllm = wheel(tmp_path / "vllm.whl", {
        "vllm/envs.py": "environment_variables = {'VLLM_A': lambda: 1}\n",
        "vllm/x.py": "import os\nos.getenv('VLLM_B'); os.environ['VLLM_C']\n",
        "vllm/config/a.py": "class Base:\n  eager: bool | None = None\n"
            "class AConfig(Base):\n  length: int = 1\n  sizes: list[int] | None = None\n",
        "vllm/tool_parsers/__init__.py": "_X_TO_REGISTER = {'glm45': (1, 2), 'glm47': (1, 2)}\n",
        "vllm/reasoning/__init__.py": "_Y_TO_REGISTER = {'glm45': (1, 2)}\n",
        "vllm/engine/arg_utils.py": "a_kwargs = get_kwargs(AConfig)\n"
            "g.add_argument('--length', '-l', **a_kwargs['length'])\n"
            "g.add_argument('--eager', **{**a_kwargs['eager'], 'default': None})\n"
            "g.add_argument('--sizes', **a_kwargs['sizes'])\n"
            "g.add_argument('--old', action='store_true', deprecated=True)\n",
        "vllm/entrypoints/openai/cli_args.py": "class FrontendArgs:\n"
            "  api_key: list[str] | None = None\n  origins: list[str] = 1\n"
            "def f():\n  del frontend_kwargs['origins']['nargs']\n"
            "parser.add_argument('model_tag')\n",
    })  # fmt: skip
    ascend = wheel(tmp_path / "ascend.whl", {
        "vllm_ascend/envs.py": "﻿env_variables = {'VLLM_ASCEND_X': lambda: 1}\n",
        "vllm_ascend/ascend_config.py": "a = additional_config.get('one_config', {})\n"
            "b = vllm_config.additional_config.get('two', 1)\n"
            "class OneConfig:\n  def __init__(self, one_config):\n    one_config.get('inner')\n",
    })  # fmt: skip
    out = tmp_path / "checkout"
    (out / "tools").mkdir(parents=True)
    script = out / "tools" / MAKER.name
    script.write_bytes(MAKER.read_bytes())
    subprocess.run(
        [sys.executable, str(script), "--vllm", "1.0", "--vllm-wheel", str(vllm),
         "--vllm-ascend", "1.0rc1", "--vllm-ascend-wheel", str(ascend)],
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    made = json.loads((out / "assets" / "lint" / "vllm-1.0.json").read_text())
    assert made["flags"] == {
        "--api-key": {"kind": "list"},
        "--eager": {"kind": "bool"},
        "--length": {"kind": "int", "alias": ["-l"]},
        "--old": {"kind": "none", "deprecated": True},
        "--origins": {"kind": "text"},
        "--sizes": {"kind": "list"},
    }
    assert made["env"] == ["VLLM_A", "VLLM_B", "VLLM_C"]
    assert made["tool_parsers"] == ["glm45", "glm47"]
    made = json.loads((out / "assets" / "lint" / "vllm_ascend-1.0rc1.json").read_text())
    assert made["keys"] == {"one_config": ["inner"], "two": []}
    assert made["env"] == ["VLLM_ASCEND_X"]
