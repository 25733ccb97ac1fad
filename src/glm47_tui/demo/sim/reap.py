"""Finds and ends what a cluster started: every process of it carries a mark in its environment.

Parents do not help: an engine that was launched detached belongs to init.
"""

from __future__ import annotations

import os
import signal
import time
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


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
