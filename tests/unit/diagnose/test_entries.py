"""Every entry of the catalogue: found on a realistic log, named, with its values and its words."""

from __future__ import annotations

import pytest

from glm47_tui.diagnose import Catalog, Diagnoser, report_lines
from glm47_tui.i18n import LANGUAGES, set_language, t

from . import excerpts, noise

REFERENCE = 1_768_300_000.0  # 13 January 2026
ALL = excerpts.read()


def diagnose(excerpt: excerpts.Excerpt):
    before = noise.healthy(120, seed=len(excerpt.where), clock=34_000)
    after = noise.healthy(40, seed=3, clock=50_000)
    diagnoser = Diagnoser(reference=REFERENCE)
    diagnoser.feed("node0", [*before, *excerpt.lines, *after], "node0.log")
    return diagnoser.report(), len(before) + excerpt.marked + 1


@pytest.mark.parametrize("excerpt", ALL, ids=lambda e: f"{e.entry}-{e.where}")
def test_found_named_and_filled(excerpt: excerpts.Excerpt) -> None:
    report, line = diagnose(excerpt)
    if excerpt.kind == "secondary":
        assert not report.causes
        return
    some = report.notes if excerpt.kind == "note" else report.causes
    assert [c.entry for c in some][:1] == [excerpt.entry]
    cause = some[0]
    assert (cause.place.node, cause.place.file, cause.place.line) == ("node0", "node0.log", line)
    assert cause.place.text == excerpt.lines[excerpt.marked][:1000]
    for name, value in excerpt.values.items():
        assert cause.values.get(name) == value


@pytest.mark.parametrize("excerpt", ALL, ids=lambda e: f"{e.entry}-{e.where}")
def test_alone_it_is_the_only_answer(excerpt: excerpts.Excerpt) -> None:
    report, _ = diagnose(excerpt)
    assert len(report.causes) <= 1


def test_every_entry_that_logs_tell_has_an_excerpt() -> None:
    looked_for = {e.id for e in Catalog.load().entries if e.anchors}
    assert looked_for == {e.entry for e in ALL}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("excerpt", ALL, ids=lambda e: f"{e.entry}-{e.where}")
def test_words_are_filled_in_both_languages(excerpt: excerpts.Excerpt, lang: str) -> None:
    report, _ = diagnose(excerpt)
    set_language(lang)
    try:
        for cause in (*report.causes, *report.notes):
            for said in (t(cause.title), t(cause.cause), t(cause.fix)):
                words = said
                for value in cause.values.values():
                    words = words.replace(value, "")
                assert "{" not in words
                assert "?" not in words
                assert "*" not in words.replace("davinci*", "")
                assert not words.startswith("diagnosis.")
        assert "\n".join(report_lines(report))
    finally:
        set_language("en")


def test_a_quiet_line_is_no_evidence() -> None:
    diagnoser = Diagnoser(reference=REFERENCE)
    diagnoser.feed("node0", noise.healthy(2000), "node0.log")
    report = diagnoser.report()
    assert report.causes == ()
    assert report.notes == ()
    assert report.first_error is None
    assert report.lines == 2000
