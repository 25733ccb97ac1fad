"""Fixes: run on a real shell, only when they are marked as safe, and honest when they fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from glm47_tui.checks import Finding, Severity, apply_fix, undo_fix
from glm47_tui.errors import CheckFailed
from glm47_tui.i18n import Msg
from tests.unit.node.local import LocalShell


def finding(command: str, undo: str) -> Finding:
    return Finding("host.data_mount", Severity.WARNING, 1, Msg.of("checks.unseen", probe="x"),
                   command=command, undo=undo, fixable=bool(undo))  # fmt: skip


def test_a_fix_is_applied_and_taken_back(tmp_path: Path) -> None:
    made = finding(f"mkdir -p {tmp_path}/data && echo made", f"rmdir {tmp_path}/data")
    assert apply_fix(LocalShell(), made) == "made"
    assert (tmp_path / "data").is_dir()
    undo_fix(LocalShell(), made)
    assert not (tmp_path / "data").exists()


def test_a_fix_that_fails_says_where_and_what_the_node_said(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        apply_fix(LocalShell(), finding(f"rmdir {tmp_path}/none", "true"))
    assert caught.value.node == "node1"
    assert "No such file or directory" in str(caught.value)
    assert "rmdir" in str(caught.value)


def test_what_is_not_marked_as_safe_is_never_run(tmp_path: Path) -> None:
    unsafe = finding(f"touch {tmp_path}/x", "")
    for done in (apply_fix, undo_fix):
        with pytest.raises(ValueError, match=r"host\.data_mount@node1"):
            done(LocalShell(), unsafe)
    with pytest.raises(ValueError, match="host"):
        apply_fix(LocalShell(), replace(unsafe, fixable=True, command=""))
    assert list(tmp_path.iterdir()) == []


def test_a_fix_that_reads_its_input_does_not_eat_the_script(tmp_path: Path) -> None:
    apply_fix(LocalShell(), finding(f"cat > {tmp_path}/x; true", "true"))
    assert (tmp_path / "x").read_bytes() == b""
