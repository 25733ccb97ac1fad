"""Stop and rollback while a node is out of reach: the others are done, what is left is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glm47_tui.cli import main
from glm47_tui.deploy import job as job_module
from glm47_tui.deploy.events import Event, StageEnded, Status, StepChanged
from glm47_tui.i18n import set_language
from glm47_tui.remote import Nobody, connect
from glm47_tui.remote.api import Fleet
from tests.demo.conftest import Lab
from tests.demo.jobs import Runner
from tests.support.sshd import wait_until


@pytest.fixture
def serving(lab: Lab) -> Lab:
    """A deployment that runs on both nodes."""
    lab.cluster.fault("image-present")
    run = Runner(lab.profile, lab.fleet)
    assert run.run().exit_code == 0, run.words()
    return lab


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is gone stays gone in these tests: one try to connect again is enough."""
    monkeypatch.setattr(job_module, "BRIEF", (0.0,))


@contextmanager
def fresh(lab: Lab) -> Iterator[Fleet]:
    """Connections as a new process makes them."""
    fleet = connect(lab.profile, Nobody())
    try:
        yield fleet
    finally:
        fleet.close()


def down(lab: Lab, node: int) -> None:
    """Switch a node's sshd off, and see that it is."""
    lab.cluster.fault("ssh-down", node)
    wait_until(lambda: not lab.fleet.connections[node].alive, 10, "the end of the connection")


def up(lab: Lab, node: int) -> None:
    lab.cluster.clear("ssh-down", node)

    def answers() -> bool:
        with fresh(lab) as fleet:
            return not fleet.failures

    wait_until(answers, 10, "sshd to listen again")


def engines(lab: Lab) -> list[str]:
    with fresh(lab) as fleet:
        status = Runner(lab.profile, fleet).job().status()
        assert not any(node.lock for node in status.nodes), "no lock is left"
        return [node.engine for node in status.nodes]


def at(stage: str, node: int, status: Status) -> Callable[[Event], bool]:
    return lambda e: (
        isinstance(e, StepChanged) and (e.stage, e.node, e.status) == (stage, node, status)
    )


def test_stop_ends_the_engines_it_reaches_and_a_second_one_the_rest(serving: Lab) -> None:
    down(serving, 1)
    with fresh(serving) as fleet:
        run = Runner(serving.profile, fleet)
        ended = run.run("stop")
    assert ended.exit_code == 3
    assert run.last("connect") == [Status.PRESENT, Status.FAILED]
    assert run.last("launch") == [Status.UNDONE, Status.SKIPPED]
    assert "may still run" in run.note("launch", 1)
    assert "node1 could not be reached" in run.words() and "node0" not in run.words()
    assert "may still run on node1" in run.words() and "`glm47-tui stop` once more" in run.words()
    assert [e.stage for e in run.of(StageEnded) if not e.ok] == ["connect"]

    up(serving, 1)
    assert engines(serving) == ["absent", "running"]
    with fresh(serving) as fleet:
        again = Runner(serving.profile, fleet)
        assert again.run("stop").exit_code == 0
        assert again.last("launch") == [Status.PRESENT, Status.UNDONE]
        third = Runner(serving.profile, fleet)
        assert (third.run("stop").exit_code, third.last("launch")) == (0, [Status.PRESENT] * 2)
        assert third.ended is not None and third.ended.changed == 0


def test_rollback_without_the_head_node(serving: Lab) -> None:
    down(serving, 0)
    with fresh(serving) as fleet:
        run = Runner(serving.profile, fleet)
        ended = run.run("rollback")
        assert ended.exit_code == 3
        for stage in ("launch", "patches", "container", "files"):
            assert run.last(stage) == [Status.SKIPPED, Status.UNDONE], stage
            assert "not reached" in run.note(stage, 0)
        name = serving.profile.container.name
        left = fleet.connections[1].run('docker ps -aq -f "name=$1"', name, timeout=30)
        assert left.ok and left.out.strip() == ""

    up(serving, 0)
    assert engines(serving) == ["running", "absent"]
    with fresh(serving) as fleet:
        again = Runner(serving.profile, fleet)
        assert again.run("rollback").exit_code == 0, again.words()
        assert again.last("files") == [Status.UNDONE, Status.PRESENT]


@pytest.mark.parametrize(
    ("stage", "status"), [("connect", Status.PRESENT), ("launch", Status.APPLYING)]
)
def test_a_node_lost_in_the_middle_holds_nobody_up(lab: Lab, stage: str, status: Status) -> None:
    with fresh(lab) as fleet:
        run = Runner(lab.profile, fleet)
        is_it = at(stage, 0, status)

        def lose(event: Event) -> None:
            if is_it(event):
                lab.cluster.fault("ssh-down", 0)
                wait_until(lambda: not fleet.connections[0].alive, 10, "the cut")

        run.on = lose
        ended = run.run("rollback")
    assert ended.exit_code == 3, run.words()
    assert run.last("files") == [Status.SKIPPED, Status.PRESENT]
    assert "node0 could not be reached" in run.words()
    up(lab, 0)
    with fresh(lab) as fleet:
        again = Runner(lab.profile, fleet)
        assert again.run("rollback").exit_code == 0, again.words()  # nobody's lock is in the way
        assert again.last("lock") == [Status.PRESENT] * 2


def test_ctrl_c_while_a_node_is_gone(lab: Lab) -> None:
    down(lab, 1)
    with fresh(lab) as fleet:
        run = Runner(lab.profile, fleet)

        def cancel(event: Event) -> None:
            if at("launch", 0, Status.APPLYING)(event):
                run.cancel.set()

        run.on = cancel
        ended = run.run("rollback")
    assert ended.exit_code == 130
    assert "`glm47-tui rollback` again" in run.words()
    assert run.last("patches") == []
    up(lab, 1)
    with fresh(lab) as fleet:
        again = Runner(lab.profile, fleet)
        assert again.run("rollback").exit_code == 0, again.words()


def test_with_no_node_at_all_nothing_is_done(lab: Lab) -> None:
    for node in (0, 1):
        down(lab, node)
    with fresh(lab) as fleet:
        run = Runner(lab.profile, fleet)
        ended = run.run("stop")
    assert (ended.exit_code, ended.node) == (3, 0)
    assert {e.stage for e in run.of(StepChanged)} == {"connect"}


def test_a_docker_that_does_not_answer_is_not_taken_for_nothing_runs(serving: Lab) -> None:
    docker = serving.cluster.site(1).fs / "usr/local/sbin/docker"
    real = docker.read_text("utf-8")
    docker.write_text(
        "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n", "utf-8"
    )
    run = Runner(serving.profile, serving.fleet)
    ended = run.run("rollback")
    docker.write_text(real, "utf-8")
    assert (ended.exit_code, ended.node) == (5, 1), run.words()
    assert "Cannot connect to the Docker daemon" in run.words()
    assert run.last("launch") == [Status.UNDONE, Status.FAILED]
    for stage in ("patches", "container", "files"):
        assert run.last(stage) == [Status.UNDONE, Status.SKIPPED]
        assert "earlier step failed" in run.note(stage, 1)
    again = Runner(serving.profile, serving.fleet)
    assert again.run("rollback").exit_code == 0, again.words()
    assert again.last("container") == [Status.PRESENT, Status.UNDONE]


def call(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    set_language("en")
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_command_line_says_it(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pair.toml"
    file.write_text(lab.cluster.profile_text(), encoding="utf-8")
    down(lab, 0)
    code, out, err = call(capsys, "stop", str(file), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 3 and events[-1]["event"] == "RunEnded" and events[-1]["exit_code"] == 3
    assert events[-1]["what"]["args"] == {"nodes": "node0"}
    assert "node0" in err and "Traceback" not in err

    code, out, err = call(capsys, "stop", str(file), "--lang", "zh_CN")
    assert code == 3
    assert "node0" in out and "可能仍在运行" in out and "再次执行 `glm47-tui stop`" in out

    down(lab, 1)
    code, out, err = call(capsys, "rollback", str(file), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, events[-1]["exit_code"]) == (3, 3)
    code, out, err = call(capsys, "replay", str(file), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, events[-1]["exit_code"]) == (3, 3)
    code, out, err = call(capsys, "rollback", str(file))
    assert code == 3 and out == "" and "node0" in err and "node1" in err
