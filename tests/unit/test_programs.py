"""The user's own editor and pager, named as people name them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from glm47_tui.errors import UserError
from glm47_tui.i18n import LANGUAGES, set_language
from glm47_tui.programs import chosen, run_on


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("less", ["less"]),
        ("less -R +G", ["less", "-R", "+G"]),
        ("'/opt/my tools/ed' -x", ["/opt/my tools/ed", "-x"]),
        ('emacsclient -nw -a ""', ["emacsclient", "-nw", "-a", ""]),
        (r"/opt/my\ tools/ed", ["/opt/my tools/ed"]),
        ("~nobody-of-this-name/ed", ["~nobody-of-this-name/ed"]),
        ("", ["vi"]),
        ("   ", ["vi"]),
        ("''", ["vi"]),
    ],
)
def test_the_words_of_a_program(
    value: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", value)
    monkeypatch.delenv("VISUAL", raising=False)
    assert chosen("VISUAL", "EDITOR", default="vi") == words


def test_home_and_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VISUAL", "~/bin/ed")
    monkeypatch.setenv("EDITOR", "other")
    assert chosen("VISUAL", "EDITOR", default="vi") == [f"{tmp_path}/bin/ed"]
    monkeypatch.setenv("VISUAL", " ")
    assert chosen("VISUAL", "EDITOR", default="vi") == ["other"]


@pytest.mark.parametrize("value", ["vi 'x", 'less "', "less -P'", "less \\"])
def test_a_quote_without_its_end_is_told(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", value)
    with pytest.raises(UserError) as caught:
        chosen("PAGER", default="less -R")
    assert caught.value.exit_code == 2
    for language in LANGUAGES:
        set_language(language)
        assert value.strip() in str(caught.value) and "PAGER" in str(caught.value)


def test_ctrl_c_is_the_programs_alone(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text(f"import os\nos.kill({os.getpid()}, {int(signal.SIGINT)})\nraise SystemExit(7)")
    before = signal.getsignal(signal.SIGINT)
    assert run_on([sys.executable], file) == 7
    assert signal.getsignal(signal.SIGINT) is before
