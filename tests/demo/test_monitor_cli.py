"""``monitor`` without its pane, on two simulated nodes: one reading, many, recorded and played."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glm47_tui.cli import main
from tests.demo.conftest import Lab


@pytest.fixture
def profile(shared: Lab, tmp_path: Path) -> Path:
    file = tmp_path / "profile.toml"
    file.write_text(shared.cluster.profile_text(), encoding="utf-8")
    return file


def call(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def unreachable(profile: Path) -> Path:
    """The same with a second node where nothing listens."""
    first, _, second = profile.read_text().rpartition("[[nodes]]")
    lines = [
        'host = "127.77.0.99"' if line.startswith("host ") else line for line in second.splitlines()
    ]
    file = profile.with_name("half.toml")
    file.write_text(first + "[[nodes]]" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_one_reading_as_data(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "monitor", str(profile), "--once", "--json")
    reading = json.loads(out)
    assert code == 0
    assert [len(node["npus"]) for node in reading["nodes"]] == [8, 8]
    assert all(node["stale"] is False and node["age_s"] < 3 for node in reading["nodes"])


def test_one_reading_in_words_names_the_node_that_is_not_reached(
    profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(capsys, "monitor", str(unreachable(profile)), "--once")
    assert code == 3
    assert "910B" in out
    assert "node1" in out


def test_limits_make_events(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--once", "--json", "--temp-limit", "1", "--hbm-limit", "1")
    _, out, _ = call(capsys, "monitor", str(profile), *args)
    kinds = {event["kind"] for event in json.loads(out)["events"]}
    assert {"temp", "hbm"} <= kinds


def test_recorded_until_interrupted_and_played(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = tmp_path / "night.gz"
    words = [sys.executable, "-m", "glm47_tui", "monitor", str(profile), "--json", "--record",
             str(night), "--interval", "0.5"]  # fmt: skip
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        live: dict[str, Any] = {}
        for line in it.stdout:
            live = json.loads(line)
            if all(node["npus"] for node in live["nodes"]):
                break
        it.send_signal(signal.SIGINT)
        _, err = it.communicate(timeout=30)
    assert it.returncode == 0, err
    assert "Traceback" not in err
    code, out, _ = call(capsys, "monitor", "--play", str(night), "--once", "--json")
    played = json.loads(out)
    assert code == 0
    assert [n["name"] for n in played["nodes"]] == [n["name"] for n in live["nodes"]]
    assert [len(n["npus"]) for n in played["nodes"]] == [8, 8]


def test_a_recording_that_cannot_be_written_is_said_before_anything_is_done(
    profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "monitor", str(profile), "--json", "--record", "/no/where/x.gz")
    assert code == 2
    assert "/no/where/x.gz" in err
