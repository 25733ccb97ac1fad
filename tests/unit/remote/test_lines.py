"""Bytes to lines: nothing a terminal would obey, and exactly one line a newline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm47_tui.remote.lines import MAX_LINE, LineSplitter, clean


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain [bold]text[/] stays", "plain [bold]text[/] stays"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b(Bcharset", "charset"),
        (b"10%\r 50%\r100%", "100%"),
        (b"done\r", "done"),
        (b"dos line\r\nnext", "dos line\nnext"),
        (b"ab\x08c", "ac"),
        ("中文\b字".encode(), "中字"),
        (b"one\n\x08\x08two\x08\x08\x08\x08three", "one\nthree"),
        (b"bell\x07 nul\x00", "bell nul"),
        (b"\xc2\x9b31mC1", "C1"),
        ("中文 ©".encode(), "中文 ©"),
        (b"bad \xff byte", "bad \ufffd byte"),
    ],
)
def test_clean(raw: bytes, text: str) -> None:
    assert clean(raw) == text


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=20))
def test_one_line_a_newline_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    splitter = LineSplitter()
    lines: list[str] = []
    rest = data
    for cut in cuts:
        lines += splitter.feed(rest[:cut])
        rest = rest[cut:]
    lines += splitter.feed(rest)
    assert len(lines) == data.count(b"\n")
    assert not any(c in line for line in lines for c in "\r\n\x1b\x07\x00")
    whole = LineSplitter()
    assert lines == whole.feed(data)


def test_a_flood_of_backspaces_costs_no_more_than_its_length() -> None:
    # One pass a character would take hours here.
    many = 1_000_000
    assert clean(b"x" * many + b"\x08" * many + b"left\n") == "left\n"


def test_empty_lines_count_and_an_unfinished_one_waits() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"a\n\nb") == ["a", ""]
    assert splitter.feed(b"c\n") == ["bc"]
    assert splitter.feed(b"tail") == []
    assert splitter.end() == ["tail"]
    assert splitter.end() == []


def test_an_endless_line_is_cut_and_the_next_is_whole() -> None:
    splitter = LineSplitter()
    for _ in range(5):
        assert splitter.feed(b"x" * MAX_LINE) == []
    lines = splitter.feed(b"yyy\nnext\n")
    assert lines == ["x" * MAX_LINE, "next"]


def test_progress_is_seen_before_its_newline() -> None:
    splitter = LineSplitter(progress=True)
    assert splitter.feed(b"\r 10%") == []
    assert splitter.feed(b"\r 20%\r 30%") == [" 20%"]
    assert splitter.feed(b"\r\n") == [" 30%"]
    assert splitter.feed(b"plain\r") == []
    assert splitter.feed(b"\nmore\n") == ["plain", "more"]
