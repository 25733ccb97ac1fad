"""``status`` and ``logs`` while one node is down: the others are looked at all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glm47_tui.cli import main
from glm47_tui.deploy import looking
from tests.demo.conftest import Lab


@pytest.fixture
def half_down(shared: Lab, tmp_path: Path) -> Path:
    """The cluster's profile with a second node where nothing listens."""
    text = shared.cluster.profile_text()
    first, _, second = text.rpartition("[[nodes]]")
    lines = [
        'host = "127.77.0.99"' if line.startswith("host ") else line for line in second.splitlines()
    ]
    file = tmp_path / "half.toml"
    file.write_text(first + "[[nodes]]" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def call(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_status_tells_of_the_nodes_that_answer(
    half_down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(capsys, "status", str(half_down), "--json")
    node0, node1 = json.loads(out)["nodes"]
    assert code == 3
    assert node0["error"] is None
    assert node0["engine"] == "absent"
    assert node1["error"] is not None


def test_a_bug_in_the_look_at_a_node_is_said_as_one(
    shared: Lab,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "pair.toml"
    file.write_text(shared.cluster.profile_text(), encoding="utf-8")
    monkeypatch.setattr(looking, "read_flags", None)
    _, out, err = call(capsys, "status", str(file), "--json")
    nodes = json.loads(out)["nodes"]
    assert ["TypeError" in node["error"]["text"] for node in nodes] == [True, True], nodes
    assert "Traceback" not in err


def test_logs_name_the_node_that_is_not_reached(
    half_down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "logs", str(half_down))
    assert code == 3
    assert "node1" in err
    assert "node0" not in err


def test_verify_without_an_engine_fails_as_a_verification(
    shared: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pair.toml"
    file.write_text(shared.cluster.profile_text(), encoding="utf-8")
    code, out, err = call(capsys, "verify", str(file))
    assert code == 6, out + err
    assert "Traceback" not in out + err


def test_a_journal_that_cannot_be_written_is_said_and_stops_nothing(
    shared: Lab, tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_home.write_text("a file where the folder would be")
    file = tmp_path / "pair.toml"
    file.write_text(shared.cluster.profile_text(), encoding="utf-8")
    code, _, err = call(capsys, "stop", str(file))
    assert code == 0
    assert "journal of this run could not be written (" in err
    code, out, err = call(capsys, "stop", str(file), "--json")
    assert json.loads(out.splitlines()[-1])["event"] == "RunEnded"
    assert "journal" in err
