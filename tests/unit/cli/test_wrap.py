"""Texts on a terminal: lines fit, nothing is lost, Chinese is broken between signs."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from glm47_tui.checks import Finding, Severity
from glm47_tui.cli.commands import check
from glm47_tui.cli.wrap import wrapped
from glm47_tui.i18n import Msg

ENGLISH = "node1: not OK: NPU 3 Alarm, NPU 5 Warning; look at the log of the driver [npu.health]"
CHINESE = "\u8282\u70b9\u4e0d\u6b63\u5e38\uff1aNPU 3 \u544a\u8b66\uff0c" * 6


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
@pytest.mark.parametrize("width", [25, 40, 80])
def test_lines_fit_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width, 5)
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.startswith("     ") for line in lines[1:])
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert not [line for line in lines if line.strip()[0] in "\uff0c\uff1a\u3002"]


def test_without_a_terminal_a_text_is_one_line() -> None:
    assert wrapped(CHINESE, None, 5) == [CHINESE]


def test_a_word_longer_than_the_line_is_left_whole() -> None:
    path = "/opt/data/verification/models/" + "x" * 40
    assert path in [line.strip() for line in wrapped(f"see {path} there", 40, 5)]


def finding(node: int, severity: Severity = Severity.WARNING) -> Finding:
    return Finding("host.swap", severity, node, Msg.of("checks_host.swap.unknown"))


def test_what_is_equal_on_several_nodes_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    check.show([finding(0), finding(1), finding(2, Severity.UNKNOWN)], show_all=False, accepted=())
    out = capsys.readouterr().out
    assert "!  node0, node1: " in out
    assert "?  node2: " in out
    assert out.count("[host.swap]") == 2


def test_an_accepted_warning_is_marked_by_its_check_too(capsys: pytest.CaptureFixture[str]) -> None:
    check.show([finding(0)], show_all=False, accepted=("host.swap",))
    assert "accepted" in capsys.readouterr().out
