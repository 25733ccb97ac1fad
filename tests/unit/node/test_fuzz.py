"""Property-based: any text at all, and real text with something done to it, breaks no parser."""

# ruff: noqa: S311 - chance is all that is wanted of these numbers
from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glm47_tui.node import parse_npu_smi
from glm47_tui.node.text import clean, to_float, to_int
from tests.fuzz.mutate import ODD, mutate
from tests.fuzz.parsers import PARSERS, Parser
from tests.unit.checks.atlas import BUSY

# The same cases every time: what is new is looked for by `make fuzz`, not by who runs the tests.
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None,
    derandomize=True,
)  # fmt: skip
ANY = st.text(max_size=300) | st.lists(st.sampled_from(ODD), max_size=30).map("".join)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda p: p.name)
@quick
@given(text=ANY)
def test_any_text_is_survived(parser: Parser, text: str) -> None:
    parser.parse(text)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda p: p.name)
@quick
@given(seed=st.integers(0, 2**32))
def test_real_text_with_accidents_is_survived(parser: Parser, seed: int) -> None:
    rnd = random.Random(seed)
    parser.parse(mutate(rnd.choice(parser.seeds), rnd))


@quick
@given(text=st.text())
def test_cleaned_text_holds_no_control_characters(text: str) -> None:
    assert all(c in "\n\t" or c.isprintable() or ord(c) > 0x9F for c in clean(text))
    assert clean(clean(text)) == clean(text)


@quick
@given(text=st.text(max_size=40))
def test_numbers_are_numbers_or_nothing(text: str) -> None:
    number = to_int(text)
    assert number is None or 0 <= number < 10**19
    value = to_float(text)
    assert value is None or abs(value) < 10**13


@quick
@given(at=st.integers(0, len(BUSY)), junk=st.sampled_from(ODD))
def test_what_npu_smi_shows_is_never_invented(at: int, junk: str) -> None:
    whole = {(n.id, n.chip): n for n in parse_npu_smi(BUSY).npus}
    for npu in parse_npu_smi(BUSY[:at] + junk).npus:
        known = whole[npu.id, npu.chip]
        # A row cut in the middle of a number: the number is left out, never half of it shown.
        assert npu.hbm_used_mb in (None, known.hbm_used_mb)
        assert npu.hbm_total_mb in (None, known.hbm_total_mb)
