"""The folder that stands for a container's file system, and what processes in it find set."""

from __future__ import annotations

import base64
import hashlib
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from glm47_tui import assets
from glm47_tui.demo.sim import disk, stubs
from glm47_tui.demo.sim.docker.inside import PACKAGES, root
from glm47_tui.demo.sim.docker.store import PYTHON, Store
from glm47_tui.demo.sim.site import Site

VERSIONS = {
    "vllm": "0.13.0", "vllm_ascend": "0.13.0rc1", "torch": "2.8.0", "torch_npu": "2.8.0",
    "transformers": "4.57.3", "modelscope": "1.33.0",
}  # fmt: skip

_FOREIGN = "\n# a hotfix that somebody has left here\n"


def make(site: Site, container: dict[str, Any]) -> None:
    """Lay down the image's files, the devices, and the mounts as links."""
    top = root(site, container)
    shutil.copytree(assets.path("demo", "image"), top, dirs_exist_ok=True)
    (top / "usr/local/Ascend/ascend-toolkit/latest").symlink_to("8.3.RC2")
    for folder in ("workspace", "tmp", "root", "dev/shm", "var/log", "usr/local/bin"):
        (top / folder).mkdir(parents=True, exist_ok=True)
    _vllm(top / "vllm-workspace/vllm")
    packages = top / PACKAGES
    for name, version in VERSIONS.items():
        if name != "vllm":
            _dist_info(packages, name, version, [])
    programs(site, container)
    mounts = [m["Destination"] for m in container["Mounts"] if m["Source"].startswith("/opt/data")]
    disk.container(site, top, container["HostConfig"]["ShmSize"], mounts)
    for device in container["HostConfig"]["Devices"]:
        (top / device["PathInContainer"].lstrip("/")).touch(mode=0o660)
    for mount in container["Mounts"]:
        _mount(site.fs / mount["Source"].lstrip("/"), top / mount["Destination"].lstrip("/"))
    spoil(site, container)


def spoil(site: Site, container: dict[str, Any]) -> None:
    """Change a file of vLLM where the fault foreign-file is on, or take that change back."""
    file = root(site, container) / "vllm-workspace/vllm/vllm/reasoning/holo2_reasoning_parser.py"
    text = file.read_text("utf-8").replace(_FOREIGN, "")
    wanted = site.fault("foreign-file") is not None
    file.write_text(text + (_FOREIGN if wanted else ""), "utf-8")


def _mount(source: Path, target: Path) -> None:
    if not source.exists():
        source.mkdir(parents=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    target.symlink_to(source)


def _vllm(folder: Path) -> None:
    """Complete the package vllm: one file of upstream's is whole in the patch that replaces it."""
    diff = assets.text("patches", "glm4_moe_reasoning_parser.patch")
    old = [line[1:] for line in diff.splitlines()[3:] if line[:1] in (" ", "-")]
    file = folder / "vllm/reasoning/glm4_moe_reasoning_parser.py"
    file.write_text("\n".join(old) + "\n", "utf-8")
    files = sorted((folder / "vllm").rglob("*.py"))
    _dist_info(folder, "vllm", VERSIONS["vllm"], files)


def _dist_info(folder: Path, name: str, version: str, files: list[Path]) -> None:
    """Write a package's metadata, and its record: the hash of each file as it was built."""
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    (place / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        "Summary: simulated by the glm47-tui demo\n"
    )
    rows = []
    for file in files:
        data = file.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.append(f"{file.relative_to(folder)},sha256={digest},{len(data)}\n")
    (place / "RECORD").write_text("".join(rows))


def programs(site: Site, container: dict[str, Any]) -> None:
    """Write a container's programs; again at every start of the cluster.

    They name the interpreter and the package that play them, and those may have moved since the
    container was made: an upgrade, another checkout.
    """
    top, short = root(site, container), str(container["Id"])[:12]
    folder = top / PYTHON[1:] / "bin"
    python = f'#!/bin/sh\nexec {shlex.quote(site.node.python)} -S "$@"\n'
    for name in ("python3", "python", "python3.11"):
        stubs.put(folder / name, python)
    stubs.put(folder / "vllm", stubs.starter(site, "vllm", short))
    stubs.put(top / "usr/local/libexec/simulated-download", stubs.starter(site, "download", short))
    shadow = top / PACKAGES / "platform.py"
    if sys.version_info[:2] not in ((3, 10), (3, 11)):
        # The image's Python is 3.11; the one that plays it is whichever runs the demo.
        shadow.write_text(assets.text("demo", "platform_shadow.py"))
    else:
        shadow.unlink(missing_ok=True)


def remove(store: Store, container: dict[str, Any]) -> None:
    """Take a container's files away; what is mounted stays."""
    top = root(store.site, container)
    for mount in container["Mounts"]:
        link = top / mount["Destination"].lstrip("/")
        if link.is_symlink():
            link.unlink()
    shutil.rmtree(top, ignore_errors=True)
