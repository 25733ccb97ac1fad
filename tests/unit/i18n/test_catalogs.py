"""Both languages are complete, say the same with the same values, and hold every id in use."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm47_tui
from glm47_tui.i18n import LANGUAGES, Msg, sentences, set_language, t
from glm47_tui.i18n.catalog import catalog

SOURCE = Path(glm47_tui.__file__).parent
LOCALE = SOURCE / "i18n" / "locale"
ROOMS = sorted({file.stem for file in LOCALE.glob("*/*.toml")})
HAN = "\u4e00-\u9fff"


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_hold_the_same_ids(room: str) -> None:
    chinese, english = (set(catalog(lang, room)) for lang in LANGUAGES)
    assert chinese == english


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_speak_of_the_same_values(room: str) -> None:
    chinese, english = (catalog(lang, room) for lang in LANGUAGES)
    differing = {
        id_: (sorted(placeholders(chinese[id_])), sorted(placeholders(english[id_])))
        for id_ in english
        if placeholders(chinese[id_]) != placeholders(english[id_])
    }
    assert not differing


@pytest.mark.parametrize("room", ROOMS)
def test_no_text_is_empty_or_left_in_the_other_language(room: str) -> None:
    empty = [i for lang in LANGUAGES for i, text in catalog(lang, room).items() if not text.strip()]
    assert not empty
    in_english = [i for i, text in catalog("en", room).items() if re.search(f"[{HAN}]", text)]
    # A language is named in itself, and words of the model's own may be Chinese in both.
    assert not [i for i in in_english if "chinese" not in i and not i.endswith(".language")]


@pytest.mark.parametrize("room", ROOMS)
def test_chinese_has_full_width_punctuation(room: str) -> None:
    half = re.compile(rf"[{HAN}][,:;?!](?!//)|[,:;?!](?=[{HAN}])|[{HAN}]\(|\)[{HAN}]")
    between = re.compile(r"\}[,:;](?!\{port\})")  # two values: an address and its port apart
    wrong = {
        i: text
        for i, text in catalog("zh_CN", room).items()
        if half.search(text) or (re.search(f"[{HAN}]", text) and between.search(text))
    }
    assert not wrong


@pytest.mark.parametrize("room", ROOMS)
def test_chinese_has_no_blank_beside_full_width_punctuation(room: str) -> None:
    """Such a mark holds its own room; of a blank beside it two make a hole."""
    stray = re.compile(r"[，。：；？！（）、“”] |(?<=\S) (?=[，。：；？！（）、“”])")
    wrong = {i: text for i, text in catalog("zh_CN", room).items() if stray.search(text)}
    assert not wrong


def literal_ids() -> Iterator[tuple[str, str]]:
    """Yield (file, id) for each ``Msg.of("...")`` and ``t("...")`` with a literal id."""
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            first = node.args[0]
            name = ast.unparse(node.func)
            if name in ("Msg.of", "Msg", "t") and isinstance(first, ast.Constant):
                yield str(file.relative_to(SOURCE)), str(first.value)


def test_every_id_in_code_is_in_the_catalogs() -> None:
    missing = sorted(
        {
            (file, id_)
            for file, id_ in literal_ids()
            if id_ not in catalog("en", id_.partition(".")[0])
        }
    )
    assert not missing


def test_values_that_are_messages_are_put_into_words() -> None:
    inner = Msg.of("profile.bad.utf8")
    text = t(Msg.of("profile.unreadable", path="x", detail=inner))
    assert t(inner) in text


def test_language_switch_changes_the_words_of_the_same_message() -> None:
    message = Msg.of("profile.bad.missing")
    english = t(message)
    set_language("zh_CN")
    assert re.search(f"[{HAN}]", t(message))
    assert t(message) != english


def test_unknown_id_comes_back_as_itself() -> None:
    assert t("profile.no.such.text") == "profile.no.such.text"


def test_sentences_stand_apart_as_their_language_has_it() -> None:
    assert sentences() == "" and sentences("One.") == "One."
    assert sentences("One.", "Two.") == "One. Two."
    assert sentences("\u4e00\u3002", "\u4e8c\u3002", "three") == "\u4e00\u3002\u4e8c\u3002three"
