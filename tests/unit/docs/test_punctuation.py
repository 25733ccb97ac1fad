"""Chinese pages: punctuation beside a Han character is full-width, in comments of code as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("README.zh*.md"), *ROOT.glob("docs/*.zh-CN.md")])
HAN = "\u3400-\u9fff"
ASCII = re.compile(rf"[{HAN}][,:;()?!]|[,;()?!][{HAN}]|[{HAN}]\s\(|\)\s[{HAN}]|:[{HAN}]")
CODE = re.compile(r"`+[^`\n]+`+")
LINK = re.compile(r"\]\([^)\n]*\)")
FENCE = re.compile(r"^\s*(```|~~~)")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, line); code within prose and the targets of links are blanked out."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        else:
            yield number, line if fenced else LINK.sub("]", CODE.sub("`", line))


def hits(text: str) -> list[str]:
    return [f"{number}: {found.group()}   {line.strip()}" for number, line in prose(text)
            for found in [ASCII.search(line)] if found]  # fmt: skip


def test_there_are_chinese_pages() -> None:
    assert len(PAGES) >= 9


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_punctuation_beside_han_is_full_width(page: Path) -> None:
    found = hits(page.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("\u540c\u4e0a,\u4f46", 1),
        ("\u540c\u4e0a\uff0c\u4f46", 0),
        ("`x`(\u8282\u70b9)", 1),
        ("\u8282\u70b9: a", 1),
        ("`\u540c\u4e0a,\u4f46`", 0),
        ("```\n\u540c\u4e0a,\u4f46\n```", 1),
        ("[\u6587\u6863](a.md)", 0),
        ("a, b (c)", 0),
        ("12:30 \u542f\u52a8", 0),
    ],
)
def test_the_rule_itself(text: str, count: int) -> None:
    assert len(hits(text)) == count
