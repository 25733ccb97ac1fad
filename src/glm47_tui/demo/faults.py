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

from glm47_tui.demo.errors import DemoError
from glm47_tui.demo.sim import build, kernel, model, network, stubs
from glm47_tui.demo.sim.docker import containers, rootfs
from glm47_tui.demo.sim.docker.store import REFERENCE, Store
from glm47_tui.demo.sim.site import MARK, Site
from glm47_tui.i18n import Msg

FAULTS = (
    "npu-alarm", "npu-busy", "npu-smi-slow", "link-down", "tls-differs", "driver-missing",
    "driver-differs", "firewall", "clock-skew", "disk-full", "model-missing", "model-incomplete",
    "engine-oom", "engine-stuck", "pull-fails", "image-present", "container-differs",
    "foreign-file", "ssh-down",
)  # fmt: skip
"""Names of faults; what they do say the texts ``demo.fault.NAME``."""
_DEFAULTS = {
    "link-down": "3", "npu-alarm": "3", "npu-busy": "0", "clock-skew": "300",
    "container-differs": "vllm-ascend-v0.13.0rc1",
}  # fmt: skip


def read(text: str, nodes: int) -> tuple[str, int | None, str]:
    """Read ``NAME[@NODE][=VALUE]``: name, node (None: all), value; DemoError for anything else."""
    where, _, value = text.partition("=")
    name, mark, node = where.partition("@")
    if name not in FAULTS:
        raise DemoError(Msg.of("demo.no_fault", name=name, known=", ".join(FAULTS)))
    if mark and not (node.isdigit() and int(node) < nodes):
        raise DemoError(Msg.of("demo.no_node", text=text, last=nodes - 1))
    return name, int(node) if mark else None, value


def mark(folder: Path, name: str, value: str) -> None:
    """Write a fault down."""
    (folder / "faults").mkdir(parents=True, exist_ok=True)
    (folder / "faults" / name).write_text(f"{value or _DEFAULTS.get(name, '')}\n", "utf-8")


def unmark(folder: Path, name: str) -> None:
    """Take a fault's note away."""
    (folder / "faults" / name).unlink(missing_ok=True)


def apply(site: Site, name: str) -> None:
    """Change the node's files as the fault's note wants them."""
    change = _CHANGES.get(name)
    if change is not None:
        change(site)


def forget(folder: Path) -> None:
    """Switch off all faults of a node that does not run."""
    for note in (folder / "faults").glob("[a-z]*"):
        note.unlink()
        if (folder / "node.json").exists():
            apply(Site(folder), note.name)


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
    weights = model.of_cluster(site.node.nodes)
    if site.fault("model-missing") is not None:
        shutil.rmtree(site.fs / weights.place, ignore_errors=True)
        return
    folder = model.lay(site.fs, weights)
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
