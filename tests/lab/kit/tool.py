"""The product, run as its users run it: as a command, on the desk, which reaches the jump alone."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.kit.lab import Lab

Event = dict[str, Any]
LIMIT = float(os.environ.get("GLM47_LAB_LIMIT", "300"))
"""Seconds after which a command is given up; a whole deployment takes 40 on an idle machine."""


def product() -> dict[str, str]:
    """Environment that makes ``python -m glm47_tui`` the product under test.

    GLM47_LAB_PRODUCT names another copy of the checkout than this one (see mutants.py).
    """
    copy = os.environ.get("GLM47_LAB_PRODUCT")
    return {"PYTHONPATH": str(Path(copy) / "src")} if copy else {}


@dataclass
class Outcome:
    """What a finished command left."""

    exit_code: int
    out: str
    err: str
    seconds: float
    events: list[Event] = field(default_factory=list)

    @property
    def said(self) -> str:
        """All of it, for the message of a failed test."""
        head = f"exit {self.exit_code} after {self.seconds:.0f} s"
        return f"{head}\n{self.out[-6000:]}\n{self.err[-3000:]}"

    def steps(self, status: str) -> list[tuple[str, int | None]]:
        """(stage, node) of every step that came to this status."""
        return [
            (e["stage"], e.get("node"))
            for e in self.events
            if e["event"] == "StepChanged" and e["status"] == status
        ]

    def proofs(self) -> dict[str, bool]:
        """Proof -> whether it passed."""
        return {e["proof"]: e["ok"] for e in self.events if e["event"] == "Verified"}

    @property
    def ended(self) -> Event:
        """The last event of a run."""
        ends = [e for e in self.events if e["event"] == "RunEnded"]
        assert ends, f"no RunEnded: {self.said}"
        return ends[-1]


def _events(text: str) -> list[Event]:
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"event"')]


class Running:
    """A command that is still at work."""

    def __init__(self, words: list[str], env: dict[str, str]) -> None:
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.fresh: queue.Queue[str | None] = queue.Queue()
        self.readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            self.fresh.put(line)
        self.fresh.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr
        self.errors.extend(self.process.stderr)

    def until(self, wanted: Callable[[Event], bool], limit: float) -> Event:
        """The next event that is wanted; AssertionError when the command ends or is too slow."""
        end = time.monotonic() + limit
        while True:
            try:
                line = self.fresh.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                self.process.kill()
                raise AssertionError(f"not seen in {limit:.0f} s:\n{self._tail()}") from None
            if line is None:
                raise AssertionError(f"the command ended first:\n{self._tail()}")
            for event in _events(line):
                if wanted(event):
                    return event

    def _tail(self) -> str:
        return "".join(self.lines[-40:]) + "".join(self.errors[-20:])

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def finish(self, limit: float) -> Outcome:
        """Wait for the end."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"still at work after {limit:.0f} s:\n{self._tail()}") from None
        for reader in self.readers:
            reader.join(10)
        out = "".join(self.lines)
        spent = time.monotonic() - self.began
        return Outcome(code, out, "".join(self.errors), spent, _events(out))


@dataclass
class Tool:
    """Runs ``glm47-tui`` on the desk of a lab."""

    lab: Lab

    def _words(self, arguments: tuple[str, ...]) -> list[str]:
        return [*self.lab.desk(), sys.executable, "-m", "glm47_tui", *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a command: this one, in English, with the product's place."""
        # Nothing else: an agent or a proxy of this machine must not help, nor be in the way.
        kept = {k: os.environ[k] for k in ("PATH", "TMPDIR", "LANG", "LC_ALL") if k in os.environ}
        home = os.environ.get("GLM47_TUI_HOME", str(self.lab.layout.run / "home"))
        own = {"HOME": home, "GLM47_TUI_HOME": home, "GLM47_TUI_LANG": "en", "TERM": "dumb"}
        return {**kept, **own, **product(), **more}

    def start(self, *arguments: str, **env: str) -> Running:
        """Start a command."""
        return Running(self._words(arguments), self.environment(**env))

    def run(self, *arguments: str, limit: float = LIMIT, **env: str) -> Outcome:
        """Run a command to its end."""
        return self.start(*arguments, **env).finish(limit)

    def replay(self, profile: Path, *more: str, limit: float = LIMIT, **env: str) -> Outcome:
        """The whole job, with events."""
        return self.run("replay", str(profile), "--yes", "--json", *more, limit=limit, **env)
