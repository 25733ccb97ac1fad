"""What can go wrong on a simulated node, by name.

A fault is a file in the node's folder; most stand-ins look there when they are asked. Some faults
change files of the node when they are switched on or off: these have an entry in ``_CHANGES``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from glm47_tui.demo.sim import build, network
from glm47_tui.demo.sim.site import Site

FAULTS = {
    "npu-alarm": "an NPU (value: its number, 3 if empty) is in alarm",
    "npu-busy": "a foreign process holds an NPU (value: its number, 0 if empty)",
    "npu-smi-slow": "npu-smi takes long (value: seconds, 5 if empty)",
    "link-down": "the RoCE port of NPUs is down (value: their numbers, 3 if empty)",
    "tls-differs": "the RoCE ports have TLS switched on",
    "driver-missing": "no driver, no devices, no npu-smi",
    "driver-differs": "another driver version",
    "firewall": "connections to other nodes are refused",
    "clock-skew": "the clock is wrong (value: seconds, 300 if empty)",
    "disk-full": "the data disk has a few GB left",
    "model-missing": "no model on disk",
    "model-incomplete": "three weight files are missing, one is a Git-LFS pointer",
    "engine-oom": "the engine runs out of NPU memory while it loads the weights",
    "engine-stuck": "the engine starts and never connects to its head node",
    "pull-fails": "the registry cannot be reached",
}
"""Names of faults, and what they do."""


def mark(folder: Path, name: str, value: str) -> None:
    """Write a fault down; ValueError when there is none of that name."""
    if name not in FAULTS:
        raise ValueError(f"no fault {name!r}: {', '.join(FAULTS)}")
    (folder / "faults").mkdir(parents=True, exist_ok=True)
    default = {"link-down": "3", "npu-alarm": "3", "npu-busy": "0", "clock-skew": "300"}
    (folder / "faults" / name).write_text(f"{value or default.get(name, '')}\n", "utf-8")


def unmark(folder: Path, name: str) -> None:
    """Take a fault's note away."""
    (folder / "faults" / name).unlink(missing_ok=True)


def apply(site: Site, name: str) -> None:
    """Change the node's files as the fault's note wants them."""
    change = _CHANGES.get(name)
    if change is not None:
        change(site)


def _model(site: Site) -> None:
    folder = site.fs / build.MODEL
    if site.fault("model-missing") is not None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    build.model(folder)
    if site.fault("model-incomplete") is None:
        return
    names = build.shard_names()
    for name in names[40:43]:
        (folder / name).unlink()
    (folder / names[50]).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


_CHANGES: dict[str, Callable[[Site], None]] = {
    "driver-missing": build.ascend,
    "driver-differs": build.ascend,
    "link-down": network.render,
    "tls-differs": network.render,
    "firewall": network.render,
    "model-missing": _model,
    "model-incomplete": _model,
}
