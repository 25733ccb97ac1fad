"""The engines of all nodes: what runs, how to end it, whether the NPUs are free again."""

from __future__ import annotations

import time
from typing import Final

from glm47_tui.deploy.errors import Halted, failed
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.survey import State
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node.npu_smi import NpuTable, parse_npu_smi
from glm47_tui.node.text import clean
from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Result

STAGE: Final = "launch"
TERM_S: Final = 30
"""Seconds between TERM and KILL."""
FREE_S: Final = 120.0
"""HBM is given back up to a minute after a process died."""
FREE_POLL_S: Final = 2.0
IDLE_MB: Final = 8000
"""A 64 GB 910B2 shows 3.2 to 3.5 GB of HBM in use with no process at all."""


def runs(state: State) -> bool:
    """Whether an engine of ours runs, with whatever settings."""
    return state.word in ("done", "differs")


def stop_engine(run: Run, node: Node, *, stage: str = STAGE) -> int:
    """End a node's engine and all it started; returns how many processes ended."""
    result = run.call(node, STAGE, "undo", str(TERM_S), stage=stage, timeout=TERM_S + 90.0, tries=3)
    node.states.pop(STAGE, None)
    if not result.ok:
        raise not_undone(result, "stop")
    counts = [int(fact[1]) for fact in result.facts if fact[0] == "stopped" and fact[1].isdigit()]
    return sum(counts)


def not_undone(result: Result, name: str, **args: object) -> UserError:
    """The error of an undo that failed, in its own last words; a silent Docker is named as such."""
    silent = result.fact("docker") == "silent"
    said = clean(result.out + "\n" + result.err).splitlines()
    last = [x for x in said if x.strip() and not x.startswith("@@ ")]
    line = last[-1][:300] if last else f"exit {result.code}"
    return failed("docker_silent" if silent else name, line=line, **({} if silent else args))


def busy_devices(run: Run, table: NpuTable) -> tuple[int, ...]:
    """Return the devices of the profile that somebody still holds."""
    mine = run.profile.container.devices
    return tuple(
        npu.device
        for npu in table.npus
        if npu.device in mine and (npu.processes or (npu.hbm_used_mb or 0) > IDLE_MB)
    )


def wait_free(run: Run, node: Node, *, stage: str = STAGE) -> Msg | None:
    """Wait until the NPUs of a node are free; None when they are, else words for what is not.

    A node that cannot say (no npu-smi, a driver in trouble) is not waited for: starting an engine
    tells, and the checks have their own word on it.
    """
    begin = time.monotonic()
    while True:
        result = run.call(
            node, STAGE, "npus", stage=stage, timeout=30, tries=3, cancel=True, quiet=True
        )
        table = parse_npu_smi(result.out + result.err)
        if not table.npus:
            return Msg.of("deploy.note.npu_unknown")
        busy = busy_devices(run, table)
        if not busy:
            return None
        names = ", ".join(str(device) for device in busy)
        elapsed = time.monotonic() - begin
        if elapsed > FREE_S:
            return Msg.of("deploy.note.npu_busy", devices=names, seconds=int(FREE_S))
        run.progress(
            stage, node.index, Msg.of("deploy.progress.npu_free", devices=names),
            elapsed=elapsed, limit=FREE_S,
        )  # fmt: skip
        if run.halt.wait(FREE_POLL_S):
            raise Halted


def tail_log(run: Run, node: Node, *, stage: str, lines: int = 400) -> list[str]:
    """Feed the end of a node's engine log to the diagnosis; returns it, free of escape codes."""
    try:
        found = _last(run, node, stage, lines)
    except RemoteError as error:
        if error.kind != "lost":
            raise
        found = _last(run, node, stage, lines)  # over a new connection
    run.causes.feed(node.index, found, engine_log(run, node))
    return found


def _last(run: Run, node: Node, stage: str, lines: int) -> list[str]:
    found: list[str] = []
    run.call(
        node, STAGE, "last", str(lines), stage=stage, timeout=30, quiet=True, on_line=found.append
    )
    return found


def engine_log(run: Run, node: Node) -> str:
    """Path of a node's engine log on its host."""
    from glm47_tui.render import job_name

    return f"{run.profile.base_dir}/logs/{job_name(node.index)}_log.txt"
