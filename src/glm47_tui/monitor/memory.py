"""Memory of a process that stays up for weeks: what Python has freed goes back to the system.

glibc gives each new thread one of up to eight arenas a core, and each keeps what it once took. A
connection brings five threads and, after a long cut, megabytes of log at once: over days of cuts
the process would grow towards the largest burst times the number of arenas, though not an object is
left over (measured: tens of KiB a reconnect). Elsewhere (musl, macOS) nothing is done.
"""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

ARENAS = 2
TIDY_S = 60.0
"""At most so often: looking through everything takes tens of milliseconds."""
_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def _libc() -> Any:
    """Return the C library when it is glibc, else None."""
    import ctypes

    try:
        library = ctypes.CDLL(None)
        found = library.gnu_get_libc_version and library.malloc_trim and library.mallopt
    except (AttributeError, OSError, TypeError):
        return None
    return library if found else None


class Tidy:
    """Thread-safe. Made when a monitor starts, called when a connection is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0
        self._libc = _libc()
        if self._libc is not None:
            self._libc.mallopt(_M_ARENA_MAX, ARENAS)

    def __call__(self) -> bool:
        """Free what a dead connection left in cycles and trim; False when it was done just now."""
        with self._lock:
            now = time.monotonic()
            if now < self._due:
                return False
            self._due = now + TIDY_S
        gc.collect()
        if self._libc is not None:
            self._libc.malloc_trim(0)
        return True
