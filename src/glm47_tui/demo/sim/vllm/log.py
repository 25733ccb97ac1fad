"""Log lines as vLLM 0.13.0 writes them."""

from __future__ import annotations

import os
import time


class Log:
    """Writes lines of a process: ``(APIServer pid=1) INFO 01-12 10:53:02 [core.py:93] Text``."""

    def __init__(self, process: str = "", pid: int = 0) -> None:
        self._head = f"({process} pid={pid or os.getpid()}) " if process else ""

    def plain(self, text: str) -> None:
        """Write text as it is, each line with the process in front."""
        lines = "".join(f"{self._head}{line}\n" for line in text.splitlines())
        os.write(1, lines.encode())

    def _line(self, level: str, where: str, text: str) -> None:
        stamp = time.strftime("%m-%d %H:%M:%S")
        self.plain(f"{level} {stamp} [{where}] {text}")

    def line(self, where: str, text: str) -> None:
        """Write an INFO line."""
        self._line("INFO", where, text)

    def quiet(self, where: str, text: str) -> None:
        """Write a DEBUG line, when the environment asks for those."""
        if os.environ.get("VLLM_LOGGING_LEVEL", "").upper() == "DEBUG":
            self._line("DEBUG", where, text)

    def bad(self, where: str, text: str) -> None:
        """Write an ERROR line."""
        self._line("ERROR", where, text)

    def failure(self, where: str, headline: str, trace: str) -> None:
        """Write an error and a traceback line by line, as an engine does."""
        for line in (headline, *trace.splitlines()):
            self.bad(where, line)


Frame = tuple[str, int, str, str]
"""File, line, function and code of a traceback's entry."""


class Fatal(Exception):
    """Ends a process; prints as a Python exception with these frames."""

    def __init__(self, kind: str, text: str, *frames: Frame) -> None:
        super().__init__(text)
        self._kind = kind
        self._frames = frames

    @property
    def trace(self) -> str:
        """The traceback."""
        lines = ["Traceback (most recent call last):"]
        for file, number, function, code in self._frames:
            lines += [f'  File "{file}", line {number}, in {function}', f"    {code}"]
        return "\n".join([*lines, f"{self._kind}: {self}"])
