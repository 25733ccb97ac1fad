"""The user's own command at every event: what it gets, and what is said when it does not work."""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Callable
from pathlib import Path

from glm47_tui.cli.hook import WAITING, Hook
from glm47_tui.i18n import Msg
from glm47_tui.monitor import WatchEvent, Weight

WAIT_S = 60.0


def event(line: str = "坏了", kind: str = "log_error") -> WatchEvent:
    return WatchEvent(
        1.0, kind, Weight.WARNING, 0, Msg.of("monitor.event.log_error", line=line), quote=line
    )


def made(command: str, limit_s: float = WAIT_S) -> tuple[Hook, queue.Queue[Msg]]:
    told: queue.Queue[Msg] = queue.Queue()
    hook = Hook(command, limit_s=limit_s)

    def tell(why: Msg) -> None:
        told.put(why)

    hook.tell = tell
    return hook, told


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_gets_the_event_as_json_in_utf_8(tmp_path: Path) -> None:
    out = tmp_path / "out"
    hook, _ = made(f"cat > {out}.part && mv {out}.part {out}")
    hook(event())
    until(out.exists)
    assert json.loads(out.read_text("utf-8"))["quote"] == "坏了"


def test_a_command_that_fails_is_told_once_until_it_works_again(tmp_path: Path) -> None:
    flag, done = tmp_path / "flag", tmp_path / "done"
    hook, told = made(f"test -e {flag} && touch {done}")
    hook(event())
    assert told.get(timeout=WAIT_S) == Msg.of("monitor.hook.code", code=1)
    hook(event())
    hook(event(kind=Hook.KIND))  # of its own failure: never run for that
    flag.touch()
    hook(event())
    until(done.exists)
    flag.unlink()
    hook(event())
    assert told.get(timeout=WAIT_S).id == "monitor.hook.code"
    assert told.empty()


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hook, told = made(f"sleep 600 & echo $! > {pid}; wait", limit_s=0.5)
    hook(event())
    assert told.get(timeout=WAIT_S).id == "monitor.hook.slow"
    until(lambda: not alive(int(pid.read_text())))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_events_that_are_left_out_are_told(tmp_path: Path) -> None:
    go = tmp_path / "go"
    hook, told = made(f"until test -e {go}; do sleep 0.05; done")
    for _ in range(WAITING + 2):
        hook(event())
    assert told.get(timeout=WAIT_S) == Msg.of("monitor.hook.late", limit=WAITING)
    go.touch()
