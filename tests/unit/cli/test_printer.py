"""Events as lines for people and as JSON."""

from __future__ import annotations

import io
import json

from glm47_tui.cli.printer import HumanPrinter, JsonPrinter, clock
from glm47_tui.deploy.events import (
    LogLine,
    Progress,
    RunEnded,
    RunStarted,
    StageStarted,
    Status,
    StepChanged,
)
from glm47_tui.i18n import Msg

START = RunStarted("deploy", "atlas", ("node0", "node1"), ("connect", "patches"))


def printed(*events: object, verbose: bool = False) -> list[str]:
    out = io.StringIO()
    printer = HumanPrinter(verbose=verbose, out=out)
    for event in events:
        printer(event)  # type: ignore[arg-type]
    printer.close()
    return out.getvalue().splitlines()


def test_stages_are_counted_and_named() -> None:
    assert printed(START, StageStarted("patches"))[1].startswith("[2/2] ")


def test_lines_of_a_node_are_shown_when_its_step_fails_and_only_then() -> None:
    said = [LogLine(0, "patches", f"line {i}") for i in range(100)]
    other = LogLine(1, "patches", "of another node")
    good = printed(START, *said, StepChanged("patches", 0, Status.APPLIED))
    assert not [x for x in good if "line" in x]
    bad = printed(START, *said, other, StepChanged("patches", 0, Status.FAILED))
    assert [x for x in bad if x.endswith("| line 99")]
    assert not [x for x in bad if "line 39" in x or "another node" in x]


def test_verbose_shows_them_once() -> None:
    lines = printed(
        LogLine(0, "patches", "hello"), StepChanged("patches", 0, Status.FAILED), verbose=True
    )
    assert len([x for x in lines if "hello" in x]) == 1


def test_a_wait_is_not_repeated_line_by_line_without_a_terminal() -> None:
    note = Msg.of("deploy.wait.rpc", port=8082)
    waits = [Progress("launch", 0, note, elapsed_s=i) for i in range(50)]
    assert len(printed(*waits)) == 1


def test_ends_are_told_apart() -> None:
    changed = printed(RunEnded(0, 3, 1.0))
    nothing = printed(RunEnded(0, 0, 1.0))
    planned = printed(StepChanged("image", 0, Status.NEEDED), RunEnded(0, 0, 1.0))
    assert len({changed[-1], nothing[-1], planned[-1]}) == 3
    failed = printed(RunEnded(5, 0, 1.0, what=Msg.of("cli.run.failed"), node=1))
    assert failed[0].startswith("Error: node1: ")


def test_json_has_every_event_on_a_line() -> None:
    out = io.StringIO()
    printer = JsonPrinter(out)
    for event in (START, LogLine(0, "image", "x"), RunEnded(0, 0, 0.1)):
        printer(event)
    kinds = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert kinds == ["RunStarted", "LogLine", "RunEnded"]


def test_durations() -> None:
    assert [clock(s) for s in (7, 187, 7500)] == ["7s", "3m07s", "2h05m"]
