"""``make setup`` says what it does, and what stopped it; nothing is installed by these tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HASH = "sha256:" + "0" * 64


def run(folder: Path, python: str = sys.executable, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: PLW1510 - the exit code is what is looked at
        ["bash", "scripts/setup.sh", python, "venv"],
        cwd=folder,
        env={**os.environ, **env},
        text=True,
        capture_output=True,
        timeout=100,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the script beside a pinned package that no index has; its venv stands already."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "constraints.txt").write_text(f"no-such-package==1.0 --hash={HASH}\n")
    program = tmp_path / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return tmp_path


def test_a_package_that_cannot_be_had_is_named_and_nothing_is_called_ready(project: Path) -> None:
    done = run(project, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(project))
    assert done.returncode == 1
    assert "Installing 1 pinned packages into venv" in done.stdout
    assert "no-such-package==1.0" in done.stderr
    assert "same command" in done.stderr
    assert "PIP_INDEX_URL=" in done.stderr
    assert "Ready" not in done.stdout
    assert "Making" not in done.stdout, "an environment that works is kept"


def test_a_python_that_is_not_there_is_named(project: Path) -> None:
    done = run(project, python="python9.99")
    assert done.returncode == 1
    assert "python9.99" in done.stderr
    assert "3.10" in done.stderr


def test_a_python_that_is_too_old_is_named_with_its_version(project: Path) -> None:
    old = project / "old"
    old.write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.9.1 ;; *) exit 1 ;; esac\n")
    old.chmod(0o755)
    done = run(project, python=str(old))
    assert done.returncode == 1
    assert "Python 3.9.1 is too old" in done.stderr
