"""``profile edit``: what is saved holds, or it is not saved."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glm47_tui.cli import main
from tests.unit.profile.test_profile import ISSUE

Edit = Callable[..., tuple[int, str]]


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "atlas.toml"
    file.write_text(ISSUE, encoding="utf-8")
    return file


@pytest.fixture
def edit(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Edit:
    def call(*steps: str, typed: str = "") -> tuple[int, str]:
        """Edit: each step is Python on the bytes ``b``, one a start of the editor."""
        editor = tmp_path / "editor.py"
        turns = tmp_path / "turns"
        turns.write_text("0")
        editor.write_text(
            "import pathlib, sys\n"
            f"turns = pathlib.Path({str(turns)!r})\n"
            "n = int(turns.read_text()); turns.write_text(str(n + 1))\n"
            "file = pathlib.Path(sys.argv[1]); b = file.read_bytes()\n"
            f"file.write_bytes(eval({steps!r}[n]))\n"
        )
        monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        with pytest.raises(SystemExit) as ended:
            main(["profile", "edit", str(file)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(ended.value.code or 0), out + err

    return call


def test_what_holds_is_saved_for_its_owner_alone(edit: Edit, file: Path) -> None:
    code, said = edit("b.replace(b'atlas-pair', b'other')")
    assert code == 0, said
    assert 'name = "other"' in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_changed_writes_nothing(edit: Edit, file: Path) -> None:
    before = file.stat().st_mtime_ns
    assert edit("b")[0] == 0
    assert file.stat().st_mtime_ns == before


def test_what_does_not_hold_can_be_edited_again(edit: Edit, file: Path) -> None:
    wrong = "b.replace(b'ip = \"10.77.0.10\"', b'ip = \"10.77.0.300\"')"
    right = "b.replace(b'10.77.0.300', b'10.77.0.12')"
    code, said = edit(wrong, right, typed="y\n")
    assert code == 0, said
    assert "10.77.0.300" in said
    assert 'ip = "10.77.0.12"' in file.read_text()


def test_what_does_not_hold_is_not_saved(edit: Edit, file: Path) -> None:
    code, said = edit("b.replace(b'schema = 1', b'schema = 9')", typed="n\n")
    assert code == 2, said
    assert file.read_text() == ISSUE


def test_what_is_no_text_is_told(edit: Edit, file: Path) -> None:
    code, said = edit("b'\\xff\\xfe'")
    assert code == 2
    assert "UTF-8" in said
    assert file.read_text() == ISSUE


@pytest.mark.parametrize(
    "editor", ["/no/such/editor", "vi 'x", 'vi "', "false", "'/no/such dir/ed' -x"]
)
def test_an_editor_that_does_not_work_is_named(
    editor: str, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISUAL", editor)
    monkeypatch.setattr("sys.stdin", Terminal())
    with pytest.raises(SystemExit) as ended:
        main(["profile", "edit", str(file)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert editor.partition("' -x")[0].strip("'") in said
    assert "Traceback" not in said
    assert file.read_text() == ISSUE
