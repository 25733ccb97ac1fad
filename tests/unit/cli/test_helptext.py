"""Help pages fit the terminal in both languages, and name what may be left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from glm47_tui.cli import main
from glm47_tui.cli.main import _VERBS

NAMES = ("GLM47_TUI_PASSWORD", "GLM47_TUI_SUDO_PASSWORD", "GLM47_TUI_PASSPHRASE")


@pytest.fixture
def page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def call(lang: str, *verb: str, columns: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit):
            main(["--lang", lang, *verb, "--help"])
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize("lang", ["en", "zh_CN"])
@pytest.mark.parametrize("verb", [*_VERBS, ""])
@pytest.mark.parametrize("columns", [80, 200])
def test_lines_fit_and_names_stay_whole(
    page: Callable[..., str], lang: str, verb: str, columns: int
) -> None:
    text = page(lang, *filter(None, [verb]), columns=columns)
    # Examples are commands to copy: they stay whole.
    body = re.split(r"^(?:Examples:|\u793a\u4f8b\uff1a)$", text, flags=re.M)[0]
    width = min(columns, 100)
    assert not [line for line in body.splitlines() if cell_len(line) > width]
    assert "RANGE" not in text, "click's own word for a number, in no language"
    if "--secrets-stdin" in text:
        assert all(name in text for name in NAMES)


def test_chinese_pages_have_no_word_of_clicks(page: Callable[..., str]) -> None:
    text = page("zh_CN", "monitor")
    assert "default" not in text
    assert "\u9ed8\u8ba4\uff1a1.0" in text


@pytest.mark.parametrize(("verb", "needed"), [("monitor", False), ("wizard", False), ("check", 1)])
def test_the_usage_says_whether_a_profile_is_needed(
    page: Callable[..., str], verb: str, needed: bool
) -> None:
    first = page("en", verb).splitlines()[0]
    assert ("[PROFILE]" in first) is not bool(needed)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("words", [["--help"], ["profile", "schema"], ["demo", "--fault", "list"]])
def test_an_output_that_takes_nothing_is_one_error_and_no_more(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "glm47_tui", *words], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Make room" in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize(("words", "code"), [(["profile", "schema"], 0), (["check", "nowhere"], 2)])
def test_a_reader_that_has_gone_changes_no_exit_code(words: list[str], code: int) -> None:
    near, far = os.pipe()
    os.close(near)
    with os.fdopen(far, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "glm47_tui", *words], stdout=gone, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert done.returncode == code
    assert "Exception" not in done.stderr and "Broken" not in done.stderr
