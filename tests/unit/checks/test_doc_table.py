"""docs/checks.md and its Chinese twin list the checks there are."""

from __future__ import annotations

import pytest

from tests.unit.checks.doc_table import PAGES, with_table


@pytest.mark.parametrize("lang", PAGES)
def test_the_page_lists_the_checks_there_are(lang: str) -> None:
    text = PAGES[lang].read_text("utf-8")
    assert text == with_table(text, lang), "run: python -m tests.unit.checks.doc_table"
