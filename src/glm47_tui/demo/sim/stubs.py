"""What stands for a node's programs: scripts of assets/demo, and starters of those in Python.

The scripts' places are written into them, so that they need nothing of their environment.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from glm47_tui import assets
from glm47_tui.demo.sim.site import Site, second_ip


def put(path: Path, text: str) -> None:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def starter(site: Site, name: str, container: str = "") -> str:
    """Return the script that starts a stand-in written in Python."""
    boot = f"import sys; sys.path.insert(0, {site.node.source!r}); import glm47_tui.demo.sim.run"
    words = [site.node.python, "-S", "-E", "-c", boot, name, str(site.dir), container]
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'


def install(site: Site) -> None:
    """Write the stand-ins of a host."""
    world, local = site.world(), site.fs / "usr/local"
    names = {
        "dir": str(site.dir), "run": str(site.run), "fs": str(site.fs),
        "fabric": f"{site.node.home}/fabric",
        "name": site.node.name, "ip": world.enter(site.ip),
        "second": world.enter(second_ip(site.node.number)),
    }  # fmt: skip
    for script in sorted(assets.path("demo", "host", "sbin").iterdir()):
        text = script.read_text("utf-8")
        for key, value in names.items():
            text = text.replace(f"@{key}@", value)
        driver = script.name == "hccn_tool"
        put(local / ("Ascend/driver/tools" if driver else "sbin") / script.name, text)
    refuse = assets.text("demo", "host", "refuse")
    for name in assets.text("demo", "host", "refused.txt").split():
        put(local / "sbin" / name, refuse)
    put(local / "sbin/docker", starter(site, "docker"))
    put(local / "bin/npu-smi", starter(site, "npu-smi"))
