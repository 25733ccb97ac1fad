"""Finds and ends what a cluster started: every process of it carries a mark in its environment.

Parents do not help: an engine that was launched detached belongs to init.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from glm47_tui.demo.sim.site import MARK


def marked(home: str) -> list[int]:
    """Return the processes of the cluster with this home, this process excepted."""
    mark = f"{MARK}={home}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
        except OSError:  # somebody else's, or gone
            continue
        if mark in environ and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def end_all(home: str, spare: tuple[int, ...] = ()) -> None:
    """End all processes of a cluster: TERM, and KILL for those still there after half a second."""
    for number, patience in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + patience
        while left := [pid for pid in marked(home) if pid not in spare]:
            for pid in left:
                _kill(pid, number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)


_LOCK = threading.Lock()
_OWN: set[int] = set()
_PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Take in the orphans of this process's children: not every machine's init buries its own."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def started_by(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a process that somebody waits for, so that ``collect`` leaves it alone."""
    with _LOCK:
        process = start()
        _OWN.add(process.pid)
    return process


def waited_for(process: subprocess.Popen[bytes]) -> int:
    """Wait for such a process; returns its exit code."""
    code = process.wait()
    with _LOCK:
        _OWN.discard(process.pid)
    return code


def collect(*, everything: bool = False) -> None:
    """Bury the adopted that have ended; ``everything``: wait a second for the last of them, too."""
    deadline = time.monotonic() + 1.0
    while True:
        with _LOCK:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is not None and (everything or found.si_pid not in _OWN):
                os.waitpid(found.si_pid, 0)
                continue
        if not everything or time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
