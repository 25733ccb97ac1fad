"""Repetition loops are seen; what repeats by its nature is not taken for one."""

from __future__ import annotations

import itertools

from glm47_tui.service import LoopWatch
from glm47_tui.service.loops import find_loop

PARAGRAPH = (
    "So the function takes a list and returns the sum. But wait, I have to consider the case in "
    "which the list is empty. In that case the sum is zero. Let me reconsider the function. "
)


def watch(text: str, size: int = 7) -> tuple[object, int]:
    """Feed in small pieces; return the loop and how much text had come by then."""
    seen = LoopWatch()
    for start in range(0, len(text), size):
        loop = seen.feed(text[start : start + size])
        if loop is not None:
            return loop, start + size
    return None, len(text)


def test_a_paragraph_that_comes_again_and_again() -> None:
    text = "First some thoughts of another kind. " + PARAGRAPH * 20
    loop, at = watch(text)
    assert loop is not None and len(loop.text) == len(PARAGRAPH)  # type: ignore[attr-defined]
    assert at < 6 * len(PARAGRAPH)


def test_a_long_section_needs_three_times() -> None:
    section = "".join(f"Point {i}: value {i * i} is checked against {i % 7}. " for i in range(40))
    assert watch("x" + section * 2)[0] is None
    assert watch("x" + section * 4)[0] is not None


def test_a_short_phrase() -> None:
    loop, at = watch("答案是:" + "好的," * 400)
    assert loop is not None and loop.text in ("好的,", "的,好", ",好的")  # type: ignore[attr-defined]
    assert at < 1000


def test_it_speaks_once_until_reset() -> None:
    seen = LoopWatch()
    found = [seen.feed(PARAGRAPH) for _ in range(30)]
    assert sum(loop is not None for loop in found) == 1
    seen.reset()
    assert any(seen.feed(PARAGRAPH) for _ in range(30))


def test_what_repeats_by_nature_is_no_loop() -> None:
    table = "".join(f"| {i:>4} | {i * 37 % 101:>5} | ok |\n" for i in range(200))
    code = "".join(f"    self.assertEqual(f({i}), {i * 3 + 1})\n" for i in range(200))
    rule = "=" * 120 + "\n" + "-" * 120
    blank = "text\n" + "\n" * 2000
    zeros = "data = [" + "0, " * 100 + "]"
    prose = " ".join(f"word{a}{b}" for a, b in itertools.product(range(60), range(20)))
    for text in (table, code, rule, blank, zeros, prose):
        assert watch(text)[0] is None, text[:40]


def test_end_of_text_counts_not_its_middle() -> None:
    assert (
        find_loop(PARAGRAPH * 5 + "And that is the end of it, at last, with other words.") is None
    )
