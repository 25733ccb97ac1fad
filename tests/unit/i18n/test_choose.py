from __future__ import annotations

import pytest

from glm47_tui.i18n import choose_language, set_language
from glm47_tui.i18n.choose import parse_language


@pytest.mark.parametrize(
    ("word", "language"),
    [
        ("zh", "zh_CN"), ("zh_CN.UTF-8", "zh_CN"), ("zh-CN", "zh_CN"), ("ZH_TW", "zh_CN"),
        ("cn", "zh_CN"), ("en", "en"), ("en_US.UTF-8", "en"), ("fr_FR", None), ("", None),
        ("C", None), ("POSIX", None),
    ],
)  # fmt: skip
def test_words_that_name_a_language(word: str, language: str | None) -> None:
    assert parse_language(word) == language


def test_flag_goes_before_profile_and_profile_before_environment() -> None:
    env = {"LANG": "zh_CN.UTF-8"}
    assert choose_language("en", "zh_CN", env) == "en"
    assert choose_language(None, "en", env) == "en"
    assert choose_language(None, None, env) == "zh_CN"
    assert choose_language(None, None, {}) == "en"


def test_linux_console_cannot_draw_chinese() -> None:
    env = {"LANG": "zh_CN.UTF-8", "TERM": "linux"}
    assert choose_language(None, "zh_CN", env) == "en"
    assert choose_language("zh", None, env) == "zh_CN"


def test_lc_all_goes_before_lang() -> None:
    assert choose_language(None, None, {"LC_ALL": "en_GB", "LANG": "zh_CN"}) == "en"


def test_an_unsupported_language_is_an_error() -> None:
    with pytest.raises(ValueError):
        set_language("fr")
