"""The journal: private, bounded, never in the way."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from glm47_tui.deploy import Journal
from glm47_tui.deploy import journal as module
from glm47_tui.deploy.events import LogLine, RunEnded, RunStarted, Status, StepChanged
from glm47_tui.i18n import Msg


def test_one_json_event_a_line_for_the_owner_alone(own_home: Path) -> None:
    journal = Journal("p")
    journal.write(RunStarted("deploy", "p", ("node0",), ("image",)))
    journal.write(
        StepChanged(
            "image", 0, Status.FAILED, Msg.of("deploy.error.image_failed", code=1, line="x")
        )
    )
    journal.write(LogLine(0, "image", "日志"))
    journal.write(RunEnded(5, 0, 1.0))
    journal.close()
    assert journal.path is not None and journal.path.is_relative_to(own_home)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    events = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [e["event"] for e in events] == ["RunStarted", "StepChanged", "LogLine", "RunEnded"]
    assert events[1]["note"]["id"] == "deploy.error.image_failed"
    assert events[2]["text"] == "日志"


def test_events_are_on_disk_before_the_end(own_home: Path) -> None:
    journal = Journal("p")
    journal.write(StepChanged("image", 0, Status.LOOKING))
    assert journal.path is not None and "LogLine" not in journal.path.read_text()
    assert "StepChanged" in journal.path.read_text()
    journal.close()
    journal.close()
    journal.write(StepChanged("image", 0, Status.LOOKING))


def test_old_journals_go(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    for _ in range(6):
        Journal("p").close()
    Journal("other").close()
    assert len(module.journals("p")) == 3
    assert len(module.journals("other")) == 1


def test_log_lines_are_bounded(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_BYTES", 2000)
    journal = Journal("p")
    for number in range(1000):
        journal.write(LogLine(0, "engine", f"line {number}"))
    journal.write(RunEnded(0, 0, 1.0))
    journal.close()
    assert journal.path is not None
    assert journal.path.stat().st_size < 3000
    assert "RunEnded" in journal.path.read_text()


def test_no_place_to_write_is_no_error(own_home: Path) -> None:
    own_home.parent.joinpath("glm47-tui-home").write_text("a file in the way")
    journal = Journal("p")
    journal.write(RunEnded(0, 0, 1.0))
    journal.close()
    assert journal.broken and journal.path is None
