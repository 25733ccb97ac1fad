"""Flags of an engine: what the kernel shows against what the launch script says."""

from __future__ import annotations

import pytest

from glm47_tui.node.engine import COMMAND_LIMIT, differences, read_flags, wanted_flags
from tests.unit.checks.atlas import profile


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("", {}),
        ("python3 -m http.server --port 1", {}),
        ("vllm serve /m", {}),
        ("vllm serve /m --a 1 --b", {"--a": "1", "--b": ""}),
        ("vllm serve /m --a=1 --b_c x y", {"--a": "1", "--b-c": "x y"}),
        ("vllm serve /m -tp 8 -q", {"--tensor-parallel-size": "8", "--quantization": ""}),
        ('vllm serve --j {"b": 1, "a":[2]}', {"--j": '{"a": [2], "b": 1}'}),
        ("vllm serve --j {broken", {"--j": "{broken"}),
        ("vllm serve --u 0.90 --a 10.77.0.10", {"--u": "0.9", "--a": "10.77.0.10"}),
        ("vllm serve --a 1 --a 2", {"--a": "2"}),
    ],
)  # fmt: skip
def test_flags_are_read(command: str, flags: dict[str, str]) -> None:
    assert read_flags(command) == flags


def test_the_last_flag_of_a_cut_off_line_is_no_flag() -> None:
    assert read_flags("vllm serve --a 1 --b " + "x" * COMMAND_LIMIT) == {"--a": "1"}


def test_addresses_are_written_out() -> None:
    wanted = wanted_flags(profile(), 1)
    assert wanted["--data-parallel-address"] == profile().head.ip
    assert wanted["--headless"] == ""


def test_nothing_that_runs_differs_in_nothing() -> None:
    assert differences({}, {"--a": "1"}) == []


def test_a_difference_shows_both_values_and_no_secret() -> None:
    found = differences({"--a": "1", "--api-key": "sk-1"}, {"--b": "", "--a": "2"})
    shown = [(d.name, d.running, d.wanted) for d in found]
    assert shown == [("--a", "1", "2"), ("--api-key", "***", "-"), ("--b", "-", "on")]
