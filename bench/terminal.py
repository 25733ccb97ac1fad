"""A process on a real pseudo-terminal: keys in, screen out, its CPU time and memory."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_PX^])")
_TICK = os.sysconf("SC_CLK_TCK")


class Terminal:
    """Runs a command on a terminal of ``size`` (columns, lines) and reads all it paints."""

    def __init__(self, command: Sequence[str], size: tuple[int, int] = (120, 40)) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(command[0], list(command))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def key(self, text: str) -> None:
        """Press keys."""
        os.write(self.fd, text.encode())

    def until(self, marker: bytes, limit: float = 30.0) -> float:
        """Seconds until ``marker`` is painted; TimeoutError after ``limit``."""
        began = time.perf_counter()
        seen = b""
        while time.perf_counter() - began < limit:
            ready, _, _ = select.select([self.fd], [], [], 0.05)
            if ready:
                seen = seen[-4000:] + os.read(self.fd, 262144)
                if marker in _ESCAPES.sub(b"", seen):
                    return time.perf_counter() - began
        raise TimeoutError(f"{marker!r} was not painted within {limit} s")

    def watch(self, seconds: float) -> None:
        """Read what is painted for a while, as a terminal does."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            ready, _, _ = select.select([self.fd], [], [], left)
            if ready:
                os.read(self.fd, 262144)

    def cpu_seconds(self) -> float:
        """CPU time the process has used, all threads."""
        words = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICK

    def memory_mib(self) -> float:
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def end(self, key: str = "q", limit: float = 5.0) -> None:
        """Quit with a key, else by force."""
        try:
            self.key(key)
            end = time.perf_counter() + limit
            while time.perf_counter() < end:
                self.watch(0.1)
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    self.pid = 0
                    return
        except OSError:
            pass
        finally:
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            os.close(self.fd)
