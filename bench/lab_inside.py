"""Runs on the lab's desk: facts and checks over the tool's connection, and the same probe by ssh.

``python -m bench.lab_inside PROFILE SSH_CONFIG RUNS`` prints JSON: seconds of each run, in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from glm47_tui import remote
from glm47_tui.checks import gather, run
from glm47_tui.node.probe import probe_arguments, probe_script
from glm47_tui.profile import load


def main() -> None:
    """Measure and print."""
    profile = load(Path(sys.argv[1]))
    config, runs = sys.argv[2], int(sys.argv[3])
    fleet = remote.connect(profile, remote.Nobody())
    if fleet.failures:
        raise SystemExit(str(fleet.failures))
    with tempfile.TemporaryDirectory() as folder:
        ours: list[float] = []
        theirs: list[float] = []
        for i in range(runs + 1):
            began = time.perf_counter()
            run(profile, gather(fleet, profile, active=False), None)
            middle = time.perf_counter()
            _by_ssh(profile, config, folder)
            if i:  # the first turn opens ssh's master connections
                ours.append(middle - began)
                theirs.append(time.perf_counter() - middle)
    fleet.close()
    print(json.dumps({"ours": ours, "theirs": theirs}))


def _by_ssh(profile: object, config: str, folder: str) -> None:
    nodes = profile.nodes  # type: ignore[attr-defined]
    words = ["ssh", "-F", config, "-o", "ControlMaster=auto", "-o", f"ControlPath={folder}/%C",
             "-o", "ControlPersist=60", "-o", "BatchMode=yes"]  # fmt: skip
    running = []
    for i in range(len(nodes)):
        args = probe_arguments(profile, i)  # type: ignore[arg-type]
        command = ["bash", "-s", "--", "limit=2.2", *(f"'{a}'" for a in args)]
        process = subprocess.Popen(
            [*words, f"node{i}", *command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        running.append(process)
    for process in running:
        process.communicate(probe_script().encode())
        if process.returncode:
            raise SystemExit(f"ssh ended with {process.returncode}")


if __name__ == "__main__":
    main()
