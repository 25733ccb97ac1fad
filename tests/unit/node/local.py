"""A connection to this very machine: a real bash, no network. Implements what the rooms need."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from glm47_tui.remote.api import Result


@dataclass
class LocalShell:
    """Runs scripts by ``bash -s -- ARGS`` here.

    ``path`` goes in front of PATH (stand-ins), ``prefix`` in front of bash (a namespace).
    """

    path: str = ""
    prefix: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    runs: list[tuple[str, ...]] = field(default_factory=list)

    def run(
        self,
        script: str,
        *args: str,
        timeout: float,
        secrets: Mapping[str, str] | None = None,
        on_line: Callable[[str, str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Result:
        del secrets, on_line, cancel
        self.runs.append(args)
        env = {**os.environ, **self.env}
        if self.path:
            env["PATH"] = f"{self.path}:{env['PATH']}"
        began = time.monotonic()
        done = subprocess.run(
            [*self.prefix, "bash", "-s", "--", *args],
            input=script.encode(),
            capture_output=True,
            timeout=timeout,
            env=env,
            check=False,
        )
        return Result(
            done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"),
            done.returncode,
            time.monotonic() - began,
        )


@dataclass
class LocalFleet:
    """Several nodes that are all this machine."""

    connections: dict[int, LocalShell]
    failures: dict[int, Exception] = field(default_factory=dict)
