"""The patch files against the released files: GNU patch without fuzz, both ways, byte for byte."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glm47_tui import assets
from tests.unit.patches.conftest import digest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MANIFEST = tomllib.loads(assets.text("patches", "manifest.toml"))
PATCHED = [f for f in MANIFEST["file"] if f["action"] == "patch"]
APPLIER = assets.path("scripts", "container", "apply_patch.py")

needs_gnu_patch = pytest.mark.skipif(
    shutil.which("patch") is None, reason="the program patch is not installed"
)


def gnu_patch(patch: Path, old: Path, new: Path, *more: str) -> str:
    done = subprocess.run(
        ["patch", "--batch", "--fuzz=0", *more, "-o", str(new), str(old), str(patch)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout + done.stderr


@needs_gnu_patch
@pytest.mark.parametrize("file", PATCHED, ids=lambda f: f["path"])
def test_gnu_patch_applies_and_takes_back_byte_for_byte(
    file: dict[str, str], released: Path, tmp_path: Path
) -> None:
    patch = assets.path("patches", file["source"])
    said = gnu_patch(patch, released / file["path"], tmp_path / "new.py")
    said += gnu_patch(patch, tmp_path / "new.py", tmp_path / "old.py", "-R")
    assert not any(word in said for word in ("fuzz", "offset", "FAILED"))
    assert digest(released / file["path"]) == file["pristine"]
    assert digest(tmp_path / "new.py") == file["patched"]
    assert (tmp_path / "old.py").read_bytes() == (released / file["path"]).read_bytes()


@pytest.mark.parametrize("file", PATCHED, ids=lambda f: f["path"])
def test_own_applier_gives_what_gnu_patch_gives(
    file: dict[str, str], released: Path, tmp_path: Path
) -> None:
    patch = assets.path("patches", file["source"])
    new, old = tmp_path / "new.py", tmp_path / "old.py"
    run = [sys.executable, str(APPLIER), "apply"]
    subprocess.run([*run, str(patch), str(released / file["path"]), str(new)], check=True)
    subprocess.run([*run, "-R", str(patch), str(new), str(old)], check=True)
    assert digest(new) == file["patched"]
    assert digest(old) == file["pristine"]


@pytest.mark.parametrize("file", MANIFEST["file"], ids=lambda f: f["path"])
def test_results_are_python(file: dict[str, str], released: Path, tmp_path: Path) -> None:
    source = assets.path("patches", file["source"])
    if file["action"] == "create":
        text = source.read_text(encoding="utf-8")
        assert digest(source) == file["patched"]
    else:
        new = tmp_path / "new.py"
        command = [sys.executable, str(APPLIER), "apply", str(source)]
        subprocess.run([*command, str(released / file["path"]), str(new)], check=True)
        text = new.read_text(encoding="utf-8")
    ast.parse(text)


@pytest.mark.parametrize("change", ["context", "shifted", "twice"])
def test_own_applier_is_strict(change: str, released: Path, tmp_path: Path) -> None:
    patch = assets.path("patches", "holo2_reasoning_parser.patch")
    text = (released / "reasoning" / "holo2_reasoning_parser.py").read_text()
    if change == "context":
        text = text.replace("user specified chat template args,", "user chat template args,")
    elif change == "shifted":
        text = "\n" + text
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_text(text)
    if change == "twice":
        run = [sys.executable, str(APPLIER), "apply", str(patch), str(old), str(new)]
        subprocess.run(run, check=True)
        old.write_bytes(new.read_bytes())
        new.unlink()
    done = subprocess.run(
        [sys.executable, str(APPLIER), "apply", str(patch), str(old), str(new)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "not the expected" in done.stderr
    assert not new.exists()


@pytest.mark.parametrize(
    ("diff", "why"),
    [
        ("", "no hunk"),
        ("@@ -1,2 +1,2 @@\n a\n-b\n", "cut short"),
        ("@@ -1 +1 @@\n-a\n+b\nrubbish\n", "not the head of a hunk"),
        ("@@ -1,2 +1,2 @@\n a\nb\n+c\n", "not a line of a hunk"),
    ],
)
def test_own_applier_names_what_is_malformed(diff: str, why: str, tmp_path: Path) -> None:
    patch, old = tmp_path / "x.patch", tmp_path / "old"
    patch.write_text(diff)
    old.write_text("a\n")
    done = subprocess.run(
        [sys.executable, str(APPLIER), "apply", str(patch), str(old), str(tmp_path / "new")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert why in done.stderr


def test_a_last_line_without_an_end_is_kept_so(tmp_path: Path) -> None:
    patch, old, new = (tmp_path / name for name in ("x.patch", "old", "new"))
    old.write_bytes(b"a\nb")
    patch.write_bytes(
        b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
    )
    command = [sys.executable, str(APPLIER), "apply", str(patch), str(old), str(new)]
    subprocess.run(command, check=True)
    assert new.read_bytes() == b"a\nc"


def test_the_plugin_is_the_patched_parser_and_its_registration() -> None:
    """Two files, one parser: what differs is the head of the file and the registration."""
    parts = []
    for name in ("glm47_moe_tool_parser.py", "glm47_tool_parser_plugin.py"):
        nodes = ast.parse(assets.text("patches", name)).body
        named = (ast.FunctionDef, ast.ClassDef, ast.Assign)
        parts.append([ast.dump(node) for node in nodes if isinstance(node, named)])
    assert parts[0] == parts[1]
    assert 'register_module("glm47"' in assets.text("patches", "glm47_tool_parser_plugin.py")
