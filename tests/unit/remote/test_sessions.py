"""Servers that allow few sessions: commands wait for one another, and say so if in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection
from tests.support.sshd import Sshd, wait_until
from tests.unit.remote.test_run import alive, run_and_cancel

LogIn = Callable[..., Connection]


@pytest.mark.parametrize("most", [1, 2])
def test_more_commands_than_sessions(
    start_sshd: Callable[..., Sshd], log_in: LogIn, most: int
) -> None:
    node = log_in(start_sshd(options=(f"MaxSessions {most}",)), sudo=False)
    outs: dict[int, str] = {}

    def work(n: int) -> None:
        for turn in range(2):
            outs[n * 2 + turn] = node.run('sleep 0.1; echo "$1"\n', str(n), timeout=60).out

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outs == {n * 2 + turn: f"{n}\n" for n in range(5) for turn in range(2)}


def test_a_stream_takes_one_and_gives_it_back(
    start_sshd: Callable[..., Sshd], log_in: LogIn
) -> None:
    node = log_in(start_sshd(options=("MaxSessions 1",)), sudo=False)
    lines: list[str] = []
    stream = node.stream("echo up; sleep 600\n", on_lines=lines.extend)
    wait_until(lambda: lines == ["up"])
    with pytest.raises(RemoteError) as caught:
        node.run("echo x\n", timeout=1.5)
    assert caught.value.kind == "sessions"
    assert "MaxSessions" in str(caught.value)
    stream.close()
    assert node.run("echo x\n", timeout=60).out == "x\n"


def test_a_command_waits_until_the_stream_ends(
    start_sshd: Callable[..., Sshd], log_in: LogIn
) -> None:
    node = log_in(start_sshd(options=("MaxSessions 1",)), sudo=False)
    stream = node.stream("echo up; sleep 600\n", on_lines=lambda batch: None)
    results: list[str] = []
    thread = threading.Thread(
        target=lambda: results.append(node.run("echo x\n", timeout=60).out), daemon=True
    )
    thread.start()
    sessions = node._link.sessions  # type: ignore[attr-defined]
    wait_until(lambda: sessions.limit == 1, what="the limit is learned")
    assert results == []
    stream.close()
    thread.join(60)
    assert results == ["x\n"]


def test_a_killed_command_frees_the_only_session(
    start_sshd: Callable[..., Sshd], log_in: LogIn, tmp_path: Path
) -> None:
    node = log_in(start_sshd(options=("MaxSessions 1",)), sudo=False)
    script = 'trap "" TERM; echo $$ >"$1"; echo up; while :; do sleep 0.1; done\n'
    run_and_cancel(node, script, str(tmp_path / "pid"))
    assert node.run("echo free\n", timeout=60).out == "free\n"
    assert not alive((tmp_path / "pid").read_text().strip())


def test_waiting_for_a_session_can_be_cancelled(
    start_sshd: Callable[..., Sshd], log_in: LogIn
) -> None:
    node = log_in(start_sshd(options=("MaxSessions 1",)), sudo=False)
    node.stream("sleep 600\n", on_lines=lambda batch: None)
    cancel = threading.Event()
    caught: list[RemoteError] = []

    def work() -> None:
        with pytest.raises(RemoteError) as error:
            node.run("echo x\n", timeout=60, cancel=cancel)
        caught.append(error.value)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    cancel.set()
    thread.join(20)
    assert [e.kind for e in caught] == ["cancelled"]


def test_no_session_at_all(start_sshd: Callable[..., Sshd], log_in: LogIn) -> None:
    node = log_in(start_sshd(options=("MaxSessions 0",)), sudo=False)
    with pytest.raises(RemoteError) as caught:
        node.run("echo x\n", timeout=1.0)
    assert caught.value.kind == "sessions"
