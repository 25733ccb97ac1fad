"""A foreign process that holds an NPU, as somebody's training run does: the fault ``npu-busy``."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.site import Site

MIB = 24110


def main(site: Site, container: str, args: list[str]) -> int:
    """Hold the NPU of that number until somebody ends this process, or the cluster."""
    kernel.rename("python")
    kernel.register(
        site, os.getpid(), container, name="python", cmdline="python train.py --epochs 3",
        npus={args[0]: MIB},
    )  # fmt: skip
    with (Path(site.node.home) / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    return 0
