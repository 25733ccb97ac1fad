"""A vLLM tree with the released files, and the scripts that patch it in a container."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glm47_tui import assets
from tests.support.vllm_files import released_or_skip


def digest(path: Path) -> str:
    """Hex sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Tree:
    """One vLLM package folder, with the folder our scripts run from beside it."""

    vllm: Path
    base: Path
    path: str = field(default_factory=lambda: os.environ["PATH"])

    def run(self, verb: str, *more: str, inside: tuple[str, ...] = ()) -> Answer:
        """Run patches.sh VERB on this tree; ``inside``: words to put in front of the command."""
        done = subprocess.run(
            [*inside, "bash", str(self.base / "scripts" / "patches.sh"), verb,
             "--vllm", str(self.vllm), *more],
            env={"PATH": self.path, "PYTHON": sys.executable, "HOME": "/"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def snapshot(self) -> dict[str, str]:
        """Digest of every file that is no bytecode."""
        files = (p for p in self.vllm.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return {str(p.relative_to(self.vllm)): digest(p) for p in files}


@dataclass(frozen=True)
class Answer:
    """Exit code and output of one run."""

    code: int
    out: str
    err: str

    def words(self, key: str) -> list[str]:
        """What follows ``@@ KEY``, once a line."""
        head = f"@@ {key} "
        return [x.removeprefix(head) for x in self.out.splitlines() if x.startswith(head)]

    @property
    def state(self) -> str:
        """The last state line."""
        return self.words("state")[-1]


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released files of vLLM 0.13.0; never written to."""
    return released_or_skip(tmp_path_factory.mktemp("released"))


@pytest.fixture
def tree(released: Path, tmp_path: Path) -> Tree:
    """A fresh copy of the released files, our scripts and patches beside it."""
    vllm = tmp_path / "site" / "vllm"
    shutil.copytree(released, vllm)
    base = tmp_path / "base"
    shutil.copytree(assets.path("patches"), base / "patches")
    shutil.copytree(assets.path("scripts", "container"), base / "scripts")
    return Tree(vllm, base)


@pytest.fixture(scope="session")
def patched_files(released: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The four files as ``apply`` leaves them, by path."""
    folder = tmp_path_factory.mktemp("patched")
    shutil.copytree(released, folder / "vllm")
    shutil.copytree(assets.path("patches"), folder / "patches")
    shutil.copytree(assets.path("scripts", "container"), folder / "scripts")
    tree = Tree(folder / "vllm", folder)
    before = tree.snapshot()
    assert tree.run("apply").code == 0
    changed = [p for p, sum_ in tree.snapshot().items() if before.get(p) != sum_]
    return {path: (tree.vllm / path).read_bytes() for path in changed}


@pytest.fixture
def patched(tree: Tree, patched_files: dict[str, bytes]) -> Tree:
    """A tree that was patched, its backup gone."""
    for path, data in patched_files.items():
        (tree.vllm / path).write_bytes(data)
    return tree


@pytest.fixture
def without_gnu_patch(tree: Tree, tmp_path: Path) -> Tree:
    """The same tree in a container that has no patch program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "env", "sha256sum", "cut", "cp", "mv", "rm", "mkdir", "mktemp",
                 "dirname", "basename", "chmod", "chown", "readlink", "grep", "sed", "tail",
                 "cat", "flock"):  # fmt: skip
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return Tree(tree.vllm, tree.base, str(folder))
