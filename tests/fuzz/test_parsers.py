"""100,000 mutated inputs: whatever a node says, no parser crashes, and no check breaks on it.

``FUZZ_COUNT`` and ``FUZZ_SEED`` choose how many inputs and which ones; the seed is in the message
of a failure, so that a crash can be had again.
"""

# ruff: noqa: S311 - chance is all that is wanted of these numbers
from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from glm47_tui.checks import run
from glm47_tui.checks.evidence import Evidence
from tests.fuzz.mutate import mutate
from tests.fuzz.parsers import BOTH, PARSERS, Parser
from tests.unit.checks.atlas import profile

COUNT = int(os.environ.get("FUZZ_COUNT", "100000"))
SEED = os.environ.get("FUZZ_SEED") or str(random.randrange(10**9))
SLOW_S = 10
"""Seconds after which a parser counts as hanging on one input of at most 20,000 characters."""

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600)]


class Hangs(Exception):
    """A parser is still at it."""


@pytest.fixture
def alarm() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def try_one(parser: Parser, text: str) -> None:
    """Feed one input; what the whole probe's parser returns is then judged by every check."""
    found = parser.parse(text)
    if parser.name == "probe":
        findings = run(profile(), Evidence({0: found, 1: BOTH[1]}, reach_tried=True))
        assert [f.found.args for f in findings if f.found.id == "checks.broken"] == []


@pytest.mark.parametrize("parser", PARSERS, ids=lambda p: p.name)
@pytest.mark.usefixtures("alarm")
def test_no_input_crashes_a_parser(parser: Parser) -> None:
    for number in range(-(-COUNT // len(PARSERS))):
        rnd = random.Random(f"{SEED}/{parser.name}/{number}")
        text = mutate(rnd.choice(parser.seeds), rnd)
        signal.alarm(SLOW_S)
        try:
            try_one(parser, text)
        except Exception as error:
            pytest.fail(f"FUZZ_SEED={SEED}, input {number}: {error!r} on {text[:400]!r}")
        finally:
            signal.alarm(0)
