"""The inside of a container: where its root is, what its processes find set, which they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from glm47_tui.demo.sim.docker.store import PYTHON
from glm47_tui.demo.sim.site import MARK, Site

CONTAINER_MARK = "GLM47_DEMO_CONTAINER"
PACKAGES = f"{PYTHON[1:]}/lib/python3.11/site-packages"


def root(site: Site, container: dict[str, Any]) -> Path:
    """Return a container's folder."""
    return site.dir / "ct" / str(container["Id"])[:12]


def environment(site: Site, container: dict[str, Any]) -> dict[str, str]:
    """Return the variables of a process in a container."""
    top = root(site, container)
    world = site.world(top)
    given = dict(e.partition("=")[::2] for e in container["Config"]["Env"])
    return {
        **{key: world.enter(value) for key, value in given.items()},
        "HOME": str(top / "root"), "HOSTNAME": site.node.name, "LANG": "C.UTF-8",
        "TMPDIR": str(top / "tmp"), "PYTHONPATH": f"{top}/vllm-workspace/vllm:{top / PACKAGES}",
        # Scripts that run as files are not translated: their `source` finds the image's files.
        "BASH_ENV": str(top / "etc/simulated.bash"), "SIMULATED_ROOT": str(top),
        MARK: site.node.home, CONTAINER_MARK: str(container["Id"])[:12],
    }  # fmt: skip


def members(container: dict[str, Any]) -> list[int]:
    """Return the processes that run in a container, its main one excepted."""
    mark = f"{CONTAINER_MARK}={str(container['Id'])[:12]}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark in environ and int(folder.name) not in (os.getpid(), container["State"]["Pid"]):
            found.append(int(folder.name))
    return found
