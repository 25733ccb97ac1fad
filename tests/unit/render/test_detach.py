"""detach.sh: what it starts outlives it, is known again, and ends with all it started."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui import assets


class Detach:
    """The script in a folder as on a node."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "scripts").mkdir(parents=True)
        shutil.copy(assets.path("scripts", "container", "detach.sh"), base / "scripts")

    def __call__(self, *args: str, given: str = "") -> tuple[int, dict[str, str]]:
        done = subprocess.run(
            ["bash", str(self.base / "scripts" / "detach.sh"), *args], input=given,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        lines = (x.split(maxsplit=2) for x in done.stdout.splitlines() if x.startswith("@@ "))
        return done.returncode, {x[1]: x[2] for x in lines}

    def log(self, name: str) -> str:
        return (self.base / "logs" / f"{name}_log.txt").read_text()


@pytest.fixture
def detach(tmp_path: Path) -> Iterator[Detach]:
    """The script; whatever a test left running is ended."""
    script = Detach(tmp_path / "base")
    yield script
    for file in (script.base / "state").glob("*.pid"):
        script("stop", file.stem, "1")


def gate(tmp_path: Path, name: str = "gate") -> Path:
    """A pipe: whoever writes to it waits for a reader, and the other way round."""
    path = tmp_path / name
    os.mkfifo(path)
    return path


def test_a_command_goes_on_and_is_known_again(detach: Detach, tmp_path: Path) -> None:
    fifo = gate(tmp_path)
    code, said = detach("start", "job", "sha1", "bash", "-c", f"echo on; read -r x <{fifo}")
    assert (code, said["state"]) == (0, "done")
    assert detach("state", "job", "sha1")[1]["pid"] == said["pid"]
    assert detach("state", "job", "sha2")[1]["state"] == "differs"
    assert int(said["age"]) <= 1
    again = detach("start", "job", "sha1", "bash", "-c", "echo twice")[1]
    assert again["pid"] == said["pid"]
    fifo.write_text("end\n")


def test_how_it_ended_is_told(detach: Detach, tmp_path: Path) -> None:
    fifo = gate(tmp_path)
    detach("start", "job", "s", "bash", "-c", f"echo said; echo x >{fifo}; exit 7")
    fifo.read_text()
    pid = int((detach.base / "state" / "job.pid").read_text().split()[0])
    wait_gone(pid)
    assert detach("state", "job")[1] == {"rc": "7", "state": "dead"}
    assert detach.log("job") == "said\n"


def wait_gone(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 30)[0]
    finally:
        os.close(handle)


def test_stop_ends_all_it_started(detach: Detach, tmp_path: Path) -> None:
    fifo = gate(tmp_path)
    body = f"sleep 1000 & echo $! >{fifo}; wait"
    detach("start", "job", "s", "bash", "-c", body)
    child = int(fifo.read_text())
    code, said = detach("stop", "job", "10")
    assert (code, said["state"]) == (0, "missing")
    assert int(said["stopped"]) >= 3
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()
    assert detach("state", "job")[1] == {"state": "missing"}


def test_stop_kills_what_does_not_listen(detach: Detach, tmp_path: Path) -> None:
    fifo = gate(tmp_path)
    body = f'trap "" TERM; echo ready >{fifo}; while :; do sleep 1; done'
    detach("start", "job", "s", "bash", "-c", body)
    fifo.read_text()
    assert detach("stop", "job", "0")[1]["state"] == "missing"


def test_what_a_killed_leader_left_is_named_and_ended_before_a_new_start(
    detach: Detach, tmp_path: Path
) -> None:
    fifo = gate(tmp_path)
    leader = detach("start", "job", "s", "bash", "-c", f"echo x >{fifo}; sleep 1000")[1]["pid"]
    fifo.read_text()
    os.kill(int(leader), signal.SIGKILL)
    wait_gone(int(leader))
    said = detach("state", "job")[1]
    assert said["state"] == "missing"
    assert int(said["leftovers"]) >= 1
    detach("start", "job", "s", "sleep", "1000")
    assert "leftovers" not in detach("state", "job")[1]


def test_a_pid_of_another_run_of_the_container_means_nothing(detach: Detach) -> None:
    said = detach("start", "job", "s", "sleep", "1000")[1]
    file = detach.base / "state" / "job.pid"
    text = file.read_text()
    file.write_text(text.replace("/", "/9"))
    assert detach("state", "job")[1] == {"state": "missing"}
    assert detach("stop", "job", "1")[0] == 0
    assert Path(f"/proc/{said['pid']}").exists()
    file.write_text(text)


def test_feed_hands_one_line_on_and_keeps_it_nowhere(detach: Detach, tmp_path: Path) -> None:
    fifo = gate(tmp_path)
    word = "not-a-real-token"
    body = f'read -r x; echo "${{#x}}"; read -r y || echo end; echo done >{fifo}'
    detach("feed", "job", "s", "bash", "-c", body, given=f"{word}\nmore\n")
    fifo.read_text()
    assert detach.log("job") == f"{len(word)}\nend\n"
    for file in detach.base.rglob("*"):
        assert not file.is_file() or word not in file.read_text()


def test_start_reads_nothing(detach: Detach, tmp_path: Path) -> None:
    fifo = gate(tmp_path)
    body = f"read -r x || echo nothing; echo >{fifo}"
    detach("start", "job", "s", "bash", "-c", body, given="x\n")
    fifo.read_text()
    assert detach.log("job") == "nothing\n"


def test_the_log_before_is_kept(detach: Detach, tmp_path: Path) -> None:
    for word in ("first", "second"):
        fifo = gate(tmp_path, word)
        detach("start", "job", "s", "bash", "-c", f"echo {word}; echo >{fifo}")
        fifo.read_text()
        wait_gone(int((detach.base / "state" / "job.pid").read_text().split()[0]))
    assert detach.log("job") == "second\n"
    assert (detach.base / "logs" / "job_log.1.txt").read_text() == "first\n"


@pytest.mark.parametrize("words", [[], ["start", "job"], ["start", "job", "sha"], ["paint", "x"]])
def test_wrong_use_is_told(detach: Detach, words: list[str]) -> None:
    assert detach(*words)[0] == 2
