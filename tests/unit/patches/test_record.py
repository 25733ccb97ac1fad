"""A vLLM whose own RECORD names other originals than upstream's: recognised, patched, taken back.

The files here are of our own writing; they have the lines of each patch's hunk where it wants them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from glm47_tui import assets

PATCHED = {
    "tool_parsers/__init__.py": "tool_parsers_init.patch",
    "reasoning/holo2_reasoning_parser.py": "holo2_reasoning_parser.patch",
    "reasoning/glm4_moe_reasoning_parser.py": "glm4_moe_reasoning_parser.patch",
}


def before(patch: str) -> str:
    """A file that a patch fits: the hunk's old lines at their place, comments around them."""
    lines = assets.text("patches", patch).splitlines()
    start = int(lines[2].split()[1].lstrip("-").partition(",")[0])
    old = [line[1:] for line in lines[3:] if line[:1] in (" ", "-")]
    return "\n".join(["# a vendor's own line"] * (start - 1) + old) + "\n"


class Package:
    """A vLLM installed in a folder, with its RECORD."""

    def __init__(self, folder: Path, version: str = "0.13.0") -> None:
        self.site = folder / "site"
        self.vllm = self.site / "vllm"
        self.backup = folder / "backup"
        files = {path: before(patch) for path, patch in PATCHED.items()}
        files["__init__.py"] = ""
        files["tool_parsers/glm4_moe_tool_parser.py"] = "# a vendor's own base class\n"
        # The parsers' files are no valid Python here; what is compiled after patching must be.
        files["tool_parsers/__init__.py"] = _importable(files["tool_parsers/__init__.py"])
        files["reasoning/holo2_reasoning_parser.py"] = _method(
            files["reasoning/holo2_reasoning_parser.py"]
        )
        for path, text in files.items():
            (self.vllm / path).parent.mkdir(parents=True, exist_ok=True)
            (self.vllm / path).write_text(text, "utf-8")
        info = self.site / f"vllm-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
        self.record = info / "RECORD"
        rows = [f"vllm/{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
        self.record.write_text("\n".join(rows) + "\n")

    def run(self, verb: str) -> subprocess.CompletedProcess[str]:
        script = assets.path("scripts", "container", "patches.sh")
        places = ["--patches", str(assets.path("patches")), "--backup", str(self.backup)]
        return subprocess.run(
            ["bash", str(script), verb, *places],
            env={**os.environ, "PYTHONPATH": str(self.site)},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def bytes(self) -> dict[str, bytes]:
        files = sorted(self.vllm.rglob("*.py"))
        return {f.relative_to(self.vllm).as_posix(): f.read_bytes() for f in files}


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _importable(text: str) -> str:
    """Make the registry's hunk part of a dict, without moving it."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "glm4_moe_tool_parser" in line)
    lines[first - 1] = 'X = {"glm45": ('
    last = next(i for i, line in enumerate(lines) if "Granite20bFCToolParser" in line)
    lines[last + 1 :] = ["    ),", "}"]
    return "\n".join(lines) + "\n"


def _method(text: str) -> str:
    """Make the hunk part of a method, without moving it."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "all requests in the" in line)
    lines[first - 2 : first] = ["class X:", "    def __init__(self, *args, **kwargs):"]
    return "\n".join(lines) + "\n"


def facts(out: str) -> dict[str, str]:
    """Last ``@@ key value`` lines; files by their path."""
    found = {}
    for line in out.splitlines():
        if line.startswith("@@ file "):
            _, _, path, state = line.split()
            found[path] = state
        elif line.startswith("@@ state "):
            found["state"] = line.split()[2]
    return found


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(tmp_path)


def test_an_original_of_the_record_is_pristine(package: Package) -> None:
    answer = package.run("state")
    assert answer.returncode == 0, answer.stderr
    assert facts(answer.stdout)["state"] == "pristine"
    assert "@@ recorded tool_parsers/__init__.py" in answer.stdout


def test_apply_and_revert_byte_for_byte(package: Package) -> None:
    was = package.bytes()
    applied = package.run("apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert facts(applied.stdout)["state"] == "patched"
    assert b'"glm47": (' in package.bytes()["tool_parsers/__init__.py"]
    assert "@@ changed 0" in package.run("apply").stdout
    assert package.run("verify").returncode == 0
    reverted = package.run("revert")
    assert reverted.returncode == 0, reverted.stdout + reverted.stderr
    assert package.bytes() == was


def test_revert_without_the_backup(package: Package) -> None:
    was = package.bytes()
    package.run("apply")
    shutil.rmtree(package.backup)
    assert package.run("revert").returncode == 0
    assert package.bytes() == was


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_changed_file_is_foreign_and_left_alone(package: Package, when: str) -> None:
    if when == "after":
        package.run("apply")
    file = package.vllm / "tool_parsers/__init__.py"
    file.write_text(file.read_text() + "# somebody was here\n")
    was = package.bytes()
    answer = package.run("apply")
    assert answer.returncode == 4
    assert facts(answer.stdout)["tool_parsers/__init__.py"] == "foreign"
    assert package.bytes() == was


def test_the_record_of_another_version_does_not_count(tmp_path: Path) -> None:
    package = Package(tmp_path, version="0.12.0")
    answer = package.run("apply")
    assert answer.returncode == 4
    assert "@@ recorded" not in answer.stdout


def test_a_recorded_original_that_the_patch_does_not_fit_is_foreign(package: Package) -> None:
    file = package.vllm / "reasoning/holo2_reasoning_parser.py"
    text = "# one line more moves the hunk\n" + file.read_text()
    file.write_text(text)
    rows = package.record.read_text().splitlines()
    rows = [r for r in rows if "holo2" not in r]
    rows.append(f"vllm/reasoning/holo2_reasoning_parser.py,sha256={_digest(text)},{len(text)}")
    package.record.write_text("\n".join(rows) + "\n")
    answer = package.run("apply")
    assert answer.returncode == 4
    assert facts(answer.stdout)["reasoning/holo2_reasoning_parser.py"] == "foreign"
