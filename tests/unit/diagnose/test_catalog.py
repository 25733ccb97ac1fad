"""The catalogue as data: complete, sound, and anchors that no matching line can lack."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from glm47_tui.diagnose import Catalog, CatalogError, Entry
from glm47_tui.diagnose.catalog import read
from glm47_tui.diagnose.values import Found, fields_of, fill_command
from glm47_tui.i18n import LANGUAGES

if sys.version_info >= (3, 11):
    import re._constants as sre
    import re._parser as sre_parse
else:
    import sre_constants as sre
    import sre_parse

ENTRIES = Catalog.load().entries
LOOKED_FOR = [e for e in ENTRIES if e.patterns]
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff] ?[,;:!?()]|[,;:!?(] ?[\u4e00-\u9fff]|[\u4e00-\u9fff]\.$")


def literals(parsed: object) -> list[list[str]]:
    """Return, for each way a pattern can match, runs of text that then surely stand in the line."""
    ways: list[list[str]] = [[""]]
    for op, value in parsed:  # type: ignore[attr-defined]
        if op is sre.LITERAL:
            ways = [[*way[:-1], way[-1] + chr(value)] for way in ways]
        elif op is sre.IN and all(kind is sre.LITERAL for kind, _ in value):
            ways = _cross(ways, [[chr(char)] for _, char in value])
        elif op is sre.BRANCH:
            ways = _cross(ways, [w for branch in value[1] for w in literals(branch)])
        elif op is sre.SUBPATTERN and not value[1] & re.IGNORECASE:
            ways = _cross(ways, literals(value[3]))
        elif op is sre.MAX_REPEAT and value[:2] == (0, 1):
            ways = [*ways, *_cross(ways, literals(value[2]))]
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT) and value[0] >= 1:
            ways = [[*way, ""] for way in _cross(ways, literals(value[2]))]
        elif op is not sre.AT:
            ways = [[*way, ""] for way in ways]
    return ways


def _cross(ways: list[list[str]], more: list[list[str]]) -> list[list[str]]:
    return [[*a[:-1], a[-1] + b[0], *b[1:]] for a in ways for b in more]


@pytest.mark.parametrize("entry", LOOKED_FOR, ids=lambda e: e.id)
def test_no_matching_line_lacks_every_anchor(entry: Entry) -> None:
    for pattern in entry.patterns:
        for way in literals(sre_parse.parse(pattern)):
            assert any(anchor in run for anchor in entry.anchors for run in way), (pattern, way)


def test_the_proof_itself_notices_a_missing_anchor() -> None:
    ways = literals(sre_parse.parse("(?:abc|d[ef]+g) x(?P<n>y)?.z(?i:q)"))
    said = [[run for run in way if run] for way in ways]
    assert ["abc x", "z"] in said
    assert ["df", "g xy", "z"] in said
    assert not any("q" in run for way in said for run in way)


def test_all_numbers_of_the_fact_sheet_are_there() -> None:
    assert {e.number for e in ENTRIES} == set(range(64))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_texts_hold_in_both_languages(entry: Entry) -> None:
    fields = {
        lang: [fields_of(words) for words in entry.texts[lang].values()] for lang in LANGUAGES
    }
    named = {lang: {name for part in parts for name in part} for lang, parts in fields.items()}
    assert named["en"] == named["zh_CN"]
    groups = {name for p in entry.patterns for name in re.compile(p).groupindex}
    assert named["en"] <= groups
    assert set(fields_of(entry.command)) <= groups
    for words in entry.texts["zh_CN"].values():
        for value in ("", "7"):
            lacks = fields_of(words)
            said = words.format(**{n: Found(value if lacks[n] else "7") for n in lacks})
            assert not HALF_WIDTH.search(said), said
            assert re.search(r"[\u4e00-\u9fff]", said)
    for words in entry.texts["en"].values():
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", words)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_plain_placeholders_are_captured_by_every_pattern(entry: Entry) -> None:
    needed = {
        name
        for texts in entry.texts.values()
        for words in texts.values()
        for name, can_lack in fields_of(words).items()
        if not can_lack
    }
    for pattern in entry.patterns:
        sure = _sure_groups(pattern)
        assert needed <= sure, (pattern, needed - sure)


def _sure_groups(pattern: str) -> set[str]:
    names = {number: name for name, number in re.compile(pattern).groupindex.items()}

    def sure(parsed: object) -> set[str]:
        found: set[str] = set()
        for op, value in parsed:  # type: ignore[attr-defined]
            if op is sre.SUBPATTERN:
                found |= {names[value[0]]} if value[0] in names else set()
                found |= sure(value[3])
            elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT) and value[0] >= 1:
                found |= sure(value[2])
            elif op is sre.BRANCH:
                found |= set.intersection(*[sure(branch) for branch in value[1]])
        return found

    return sure(sre_parse.parse(pattern))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_a_title_reads_well_with_no_value_at_all(entry: Entry) -> None:
    for texts in entry.texts.values():
        title = texts["title"].format(**{name: Found("") for name in fields_of(texts["title"])})
        assert not re.search(r"\?|  |\( *\)|（）|^ | $", title), title


def test_values_in_a_command_are_quoted() -> None:
    command = fill_command(
        "nc -zv {host} {port} --format '{{{{.Names}}}}'", {"host": "a; rm -rf /"}
    )
    assert command == "nc -zv 'a; rm -rf /' <port> --format '{{.Names}}'"


def test_a_value_brings_its_words() -> None:
    text = "NPU{npu: *} is full{code:, code *|, no code}"
    assert text.format(npu=Found("3"), code=Found("")) == "NPU 3 is full, no code"
    assert text.format(npu=Found(""), code=Found("7")) == "NPU is full, code 7"
    assert fields_of(text + "{plain}") == {"npu": True, "code": True, "plain": False}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "tertiary"}, "kind"),
        ({"anchors": []}, "nothing to look for"),
        ({"anchors": ["abc"]}, "shorter"),
        ({"surprise": 1}, "surprise"),
        ({"secondary_to": ["no.such"]}, "no.such"),
        ({"en": {"title": "x", "cause": "y"}}, "fix"),
    ],
)
def test_a_bad_entry_is_refused_by_name(tmp_path: Path, change: dict, says: str) -> None:
    words = {"title": "x", "cause": "y", "fix": "z"}
    entry = {
        "id": "group.name", "number": 0, "kind": "primary", "anchors": ["anchor"],
        "patterns": ["anchor"], "source": "G", "refs": ["r"], "en": words, "zh_CN": words,
        **change,
    }  # fmt: skip
    import tomlkit

    (tmp_path / "1.toml").write_text(tomlkit.dumps({"entry": [entry]}), encoding="utf-8")
    with pytest.raises(CatalogError, match=says) as caught:
        read(tmp_path)
    assert "group.name" in str(caught.value)


def test_two_entries_of_one_id_are_refused() -> None:
    with pytest.raises(CatalogError, match="twice"):
        Catalog.of([ENTRIES[0], Entry(**vars_of(ENTRIES[0]))])


def vars_of(entry: Entry) -> dict:
    return {name: getattr(entry, name) for name in entry.__dataclass_fields__}
