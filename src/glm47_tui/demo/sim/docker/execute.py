"""``docker exec``: becomes the command, inside the container."""

from __future__ import annotations

import os
import sys

from glm47_tui.demo.sim.docker import inside
from glm47_tui.demo.sim.docker.options import Options, parse
from glm47_tui.demo.sim.docker.store import Failure, Store

_OPTIONS: Options = {
    "--interactive": ("-i", False), "--tty": ("-t", False), "--detach": ("-d", False),
    "--env": ("-e", True), "--workdir": ("-w", True), "--user": ("-u", True),
    "--privileged": ("", False),
}  # fmt: skip


def execute(store: Store, args: list[str]) -> int:
    """``docker exec``: becomes the command; does not return when it could be started."""
    words = parse(args, _OPTIONS)
    name, *command = words.rest
    container = store.find(name)
    if not container["State"]["Running"]:
        raise Failure(f"Error response from daemon: container {container['Id']} is not running")
    if words.has("--tty"):
        raise Failure("the input device is not a TTY")
    top = inside.root(store.site, container)
    world = store.site.world(top)
    given = dict(e.partition("=")[::2] for e in words.all("--env"))
    env = inside.environment(store.site, container) | {k: world.enter(v) for k, v in given.items()}
    argv = [world.enter(word) for word in command]
    if not words.has("--interactive"):
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(top / (words.one("--workdir") or container["Config"]["WorkingDir"]).lstrip("/"))
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606
    except FileNotFoundError:
        raise Failure(
            "OCI runtime exec failed: exec failed: unable to start container process: exec: "
            f'"{command[0]}": executable file not found in $PATH: unknown', 127,
        ) from None  # fmt: skip
