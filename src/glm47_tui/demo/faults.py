"""What can go wrong on a simulated node, by name.

A fault is a file in the node's folder; most stand-ins look there when they are asked. Some faults
change files of the node when they are switched on or off: these have an entry in ``_CHANGES``.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from glm47_tui.demo.sim import build, kernel, model, network, stubs
from glm47_tui.demo.sim.docker import containers, rootfs
from glm47_tui.demo.sim.docker.store import REFERENCE, Store
from glm47_tui.demo.sim.site import MARK, Site

FAULTS = {
    "npu-alarm": "an NPU (value: its number, 3 if empty) is in alarm",
    "npu-busy": "a foreign process holds an NPU (value: its number, 0 if empty)",
    "npu-smi-slow": "npu-smi takes long (value: seconds, 5 if empty)",
    "link-down": "the RoCE port of NPUs is down (value: their numbers, 3 if empty)",
    "tls-differs": "the RoCE ports have TLS switched on",
    "driver-missing": "no driver, no devices, no npu-smi",
    "driver-differs": "another driver version",
    "firewall": "connections from other nodes are refused; firewall-cmd --add-… opens it",
    "clock-skew": "the clock is wrong (value: seconds, 300 if empty)",
    "disk-full": "the data disk has a few GB left",
    "model-missing": "no model on disk",
    "model-incomplete": "three weight files are missing, one is a Git-LFS pointer",
    "engine-oom": "the engine runs out of NPU memory while it loads the weights",
    "engine-stuck": "the engine starts and never connects to its head node",
    "pull-fails": "the registry cannot be reached",
    "image-present": "the image is there already",
    "container-differs": "a container of the deployment's name runs with other options",
    "foreign-file": "somebody has changed a file of vLLM in the container",
}
"""Names of faults, and what they do."""


def mark(folder: Path, name: str, value: str) -> None:
    """Write a fault down; ValueError when there is none of that name."""
    if name not in FAULTS:
        raise ValueError(f"no fault {name!r}: {', '.join(FAULTS)}")
    (folder / "faults").mkdir(parents=True, exist_ok=True)
    default = {
        "link-down": "3", "npu-alarm": "3", "npu-busy": "0", "clock-skew": "300",
        "container-differs": "vllm-ascend-v0.13.0rc1",
    }  # fmt: skip
    (folder / "faults" / name).write_text(f"{value or default.get(name, '')}\n", "utf-8")


def unmark(folder: Path, name: str) -> None:
    """Take a fault's note away."""
    (folder / "faults" / name).unlink(missing_ok=True)


def apply(site: Site, name: str) -> None:
    """Change the node's files as the fault's note wants them."""
    change = _CHANGES.get(name)
    if change is not None:
        change(site)


def boot(site: Site) -> None:
    """Bring a node that starts into the state its faults want; model-* count at every start."""
    for name in sorted(_CHANGES):
        if site.fault(name) is not None:
            _CHANGES[name](site)


def _busy(site: Site) -> None:
    """Start or end the foreign process: a real one, so that ending it by hand helps, too."""
    for process in kernel.processes(site):
        if not process["container"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
    npu = site.fault("npu-busy")
    if npu is None:
        return
    starter = site.fs / "usr/local/libexec/occupy"
    stubs.put(starter, stubs.starter(site, "occupy"))
    subprocess.Popen(
        [starter, npu], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, MARK: site.node.home},
    )  # fmt: skip
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(not p["container"] for p in kernel.processes(site)):
            return
        time.sleep(0.01)


def _model(site: Site) -> None:
    folder = site.fs / model.PLACE
    if site.fault("model-missing") is not None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    model.lay(folder)
    if site.fault("model-incomplete") is None:
        return
    names = model.shard_names()
    for name in names[40:43]:
        (folder / name).unlink()
    (folder / names[50]).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


def _image(site: Site) -> None:
    if site.fault("image-present") is not None or site.fault("container-differs") is not None:
        Store(site).add_image(REFERENCE)


def _container(site: Site) -> None:
    """Run a container as somebody did by hand: no shared memory asked for, half of the NPUs."""
    _image(site)
    store = Store(site)
    name = site.fault("container-differs")
    if name is None or any(c["Name"] == f"/{name}" for c in store.containers()):
        return
    devices = [w for n in range(4) for w in ("--device", f"/dev/davinci{n}")]
    words = ["-itd", "--name", name, "--net=host", *devices, "-v", "/opt/data:/root/.cache"]
    with contextlib.redirect_stdout(io.StringIO()):
        containers.run(store, [*words, REFERENCE, "bash"])


def _foreign_file(site: Site) -> None:
    for container in Store(site).containers():
        rootfs.spoil(site, container)


_CHANGES: dict[str, Callable[[Site], None]] = {
    "npu-busy": _busy,
    "image-present": _image,
    "container-differs": _container,
    "foreign-file": _foreign_file,
    "driver-missing": build.ascend,
    "driver-differs": build.ascend,
    "link-down": network.render,
    "tls-differs": network.render,
    "firewall": network.render,
    "model-missing": _model,
    "model-incomplete": _model,
}
