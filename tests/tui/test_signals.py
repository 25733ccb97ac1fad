"""Both apps in a real terminal, ended from outside: the terminal is as it was before."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui.monitor import Recorder
from glm47_tui.widgets.quiet import END_S

WAIT_S = 60.0
"""Seconds until what must come counts as not coming."""
DRAWN = b"\x1b[?1049h"
BACK = b"\x1b[?1049l"


class Terminal:
    """The tool on a terminal of its own."""

    def __init__(self, home: Path, *args: str) -> None:
        self.mine, theirs = pty.openpty()
        self.theirs = theirs
        self.before = termios.tcgetattr(theirs)
        words = [sys.executable, "-m", "glm47_tui", "--lang", "en", *args]
        self.process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "HOME": str(home),
                 **{f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "STATE", "DATA")}},
        )  # fmt: skip
        self.seen = b""

    def until(self, words: bytes) -> None:
        """Read until the words are there."""
        deadline = time.monotonic() + WAIT_S
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen[-500:]
            if select.select([self.mine], [], [], 0.2)[0]:
                self.seen += os.read(self.mine, 65536)


@pytest.fixture
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    args: tuple[str, ...] = ()
    if request.param == "monitor":
        file = tmp_path / "night.gz"
        recorder = Recorder(file, {"names": ["node0"], "addresses": ["10.77.0.10"]})
        recorder.lines(0, ["@@ log 1 0 new"])
        recorder.close()
        args = ("monitor", "--play", str(file))
    made = Terminal(tmp_path, *args)
    try:
        made.until(DRAWN)
        made.until(b"Quit")
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        os.close(made.theirs)


@pytest.mark.parametrize(
    ("terminal", "code"), [("monitor", 143), ("wizard", 130)], indirect=["terminal"]
)
def test_a_signal_ends_it_with_the_terminal_as_before(terminal: Terminal, code: int) -> None:
    terminal.process.send_signal(signal.SIGTERM)
    terminal.until(BACK)
    assert terminal.process.wait(WAIT_S) == code
    assert termios.tcgetattr(terminal.theirs)[3] == terminal.before[3]
    assert b"Traceback" not in terminal.seen
    os.close(terminal.mine)


@pytest.mark.parametrize("terminal", ["monitor", "wizard"], indirect=True)
def test_it_ends_when_the_terminal_is_closed(terminal: Terminal) -> None:
    os.close(terminal.mine)
    terminal.process.send_signal(signal.SIGHUP)  # as the system does for the foreground job
    terminal.process.wait(END_S / 2)  # by itself, not by the last resort
