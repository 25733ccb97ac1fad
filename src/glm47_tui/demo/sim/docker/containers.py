"""Containers: run, start, stop, remove, rename, exec."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

from glm47_tui.demo.sim.docker import inside, rootfs
from glm47_tui.demo.sim.docker.options import RUN, Parsed, parse
from glm47_tui.demo.sim.docker.store import ENV, Failure, Store, now
from glm47_tui.demo.sim.kernel import refresh, started

_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
STOP_S = 1.0
"""Seconds a stop takes at pace 1 (bash ignores TERM, and Docker would wait for ten)."""


def _bytes(size: str) -> int:
    number = size.lower().rstrip("b")
    unit = number[-1:] if number[-1:] in _UNITS else "b"
    try:
        return int(float(number.rstrip("kmg")) * _UNITS[unit])
    except ValueError:
        raise Failure(f'invalid argument "{size}" for "--shm-size"', 125) from None


def _bind(store: Store, word: str) -> dict[str, Any]:
    source, _, rest = word.partition(":")
    target, _, mode = rest.partition(":")
    if not target:
        raise Failure(f"docker: invalid volume specification: '{word}'.", 125)
    if not (store.site.fs / source.lstrip("/")).exists():
        (store.site.fs / source.lstrip("/")).mkdir(parents=True)  # Docker does so, too
    return {
        "Type": "bind", "Source": source.rstrip("/") or "/", "Destination": target.rstrip("/"),
        "Mode": mode, "RW": "ro" not in mode.split(","), "Propagation": "rprivate",
    }  # fmt: skip


def _device(store: Store, word: str) -> dict[str, str]:
    host, _, inside = word.partition(":")
    if not (store.site.fs / host.lstrip("/")).exists():
        raise Failure(
            "docker: Error response from daemon: error gathering device information while adding "
            f'custom device "{host}": no such file or directory.', 125,
        )  # fmt: skip
    return {"PathOnHost": host, "PathInContainer": inside or host, "CgroupPermissions": "rwm"}


def describe(store: Store, image: dict[str, Any], words: Parsed) -> dict[str, Any]:
    """Return the record of a new container."""
    id_ = os.urandom(32).hex()
    name = words.one("--name") or f"simulated_{id_[:6]}"
    env = {e.partition("=")[0]: e for e in (*ENV, *words.all("--env"))}
    devices = [_device(store, d) for d in words.all("--device")]
    command = words.rest[1:] or ["/bin/bash"]
    return {
        "Id": id_, "Created": now(), "Path": command[0], "Args": command[1:],
        "Image": image["Id"], "Name": f"/{name}", "RestartCount": 0, "Driver": "overlay2",
        "Platform": "linux", "Mounts": [_bind(store, v) for v in words.all("--volume")],
        "State": {"Status": "created", "Running": False, "Paused": False, "Restarting": False,
                  "OOMKilled": False, "Dead": False, "Pid": 0, "ExitCode": 0, "Error": "",
                  "StartedAt": "0001-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
                  "Born": ""},
        "HostConfig": {
            "Binds": words.all("--volume") or None,
            "NetworkMode": words.one("--network") or "bridge",
            "Devices": devices, "ShmSize": _bytes(words.one("--shm-size") or "64m"),
            "Privileged": words.has("--privileged"), "IpcMode": words.one("--ipc") or "private",
            "RestartPolicy": {"Name": words.one("--restart") or "no", "MaximumRetryCount": 0},
            "AutoRemove": words.has("--rm"), "Ulimits": None, "Runtime": "runc",
        },
        "Config": {
            "Hostname": store.site.node.name, "Env": list(env.values()), "Cmd": command,
            "Image": words.rest[0], "WorkingDir": words.one("--workdir") or "/workspace",
            "Entrypoint": None, "Labels": {}, "Tty": words.has("--tty"),
            "OpenStdin": words.has("--interactive"),
        },
        "NetworkSettings": {"Networks": {"host": {}}},
    }  # fmt: skip


def run(store: Store, args: list[str]) -> int:
    """``docker run``: detached only, as scripts have no terminal."""
    words = parse(args, RUN)
    if not words.rest:
        raise Failure('"docker run" requires at least 1 argument.')
    image = store.find_image(words.rest[0])
    if image is None:
        from glm47_tui.demo.sim.docker.images import pull

        sys.stderr.write(f"Unable to find image '{words.rest[0]}' locally\n")
        pull(store, [words.rest[0]])
        image = store.find_image(words.rest[0])
    if words.has("--tty") and not words.has("--detach"):
        raise Failure("the input device is not a TTY")
    name = words.one("--name")
    with store.site.locked("docker"):
        taken = [c for c in store.containers() if c["Name"] == f"/{name}"]
        if taken:
            raise Failure(
                f'docker: Error response from daemon: Conflict. The container name "/{name}" is '
                f'already in use by container "{taken[0]["Id"]}". You have to remove (or rename) '
                "that container to be able to reuse that name.", 125,
            )  # fmt: skip
        container = describe(store, image or {}, words)
        rootfs.make(store.site, container)
        store.save(container)
    _begin(store, container)
    sys.stdout.write(container["Id"] + "\n")
    return 0


def _begin(store: Store, container: dict[str, Any]) -> None:
    """Start a container's main process: it waits for the cluster's end, and then ends too."""
    process = subprocess.Popen(
        ["flock", "--shared", f"{store.site.node.home}/lock", "true"], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=inside.environment(store.site, container),
    )  # fmt: skip
    container["State"] |= {
        "Status": "running", "Running": True, "Pid": process.pid, "ExitCode": 0,
        "Born": started(process.pid), "StartedAt": now(),
    }  # fmt: skip
    store.save(container)


def start(store: Store, args: list[str]) -> int:
    """``docker start``."""
    for name in parse(args, {}).rest:
        container = store.find(name)
        if not container["State"]["Running"]:
            _begin(store, container)
        sys.stdout.write(f"{name}\n")
    return 0


def _halt(store: Store, container: dict[str, Any]) -> None:
    """End all processes of a container."""
    deadline = time.monotonic() + 5
    while left := inside.members(container):
        for pid in left:
            _kill(pid)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    if container["State"]["Running"]:
        _kill(container["State"]["Pid"])
    container["State"] |= {"Status": "exited", "Running": False, "Pid": 0, "ExitCode": 137}
    container["State"]["FinishedAt"] = now()
    store.save(container)
    refresh(store.site)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def stop(store: Store, args: list[str]) -> int:
    """``docker stop`` and ``docker kill``."""
    for name in parse(args, {"--time": ("-t", True), "--signal": ("-s", True)}).rest:
        container = store.find(name)
        if container["State"]["Running"]:
            store.site.sleep(STOP_S)
            _halt(store, container)
        sys.stdout.write(f"{name}\n")
    return 0


def restart(store: Store, args: list[str]) -> int:
    """``docker restart``."""
    stop(store, args)
    for name in parse(args, {"--time": ("-t", True)}).rest:
        _begin(store, store.find(name))
    return 0


def remove(store: Store, args: list[str]) -> int:
    """``docker rm``."""
    words = parse(args, {"--force": ("-f", False), "--volumes": ("-v", False)})
    for name in words.rest:
        try:
            container = store.find(name)
        except Failure:
            if words.has("--force"):
                continue
            raise
        if container["State"]["Running"] and not words.has("--force"):
            raise Failure(
                f'Error response from daemon: cannot remove container "{container["Name"]}": '
                "container is running: stop the container before removing or force remove"
            )
        _halt(store, container)
        rootfs.remove(store, container)
        store.forget(container)
        sys.stdout.write(f"{name}\n")
    return 0


def rename(store: Store, args: list[str]) -> int:
    """``docker rename``."""
    old, new = parse(args, {}).rest
    with store.site.locked("docker"):
        container = store.find(old)
        if any(c["Name"] == f"/{new}" for c in store.containers()):
            raise Failure(
                f"Error response from daemon: Error when allocating new name: Conflict. The "
                f'container name "/{new}" is already in use'
            )
        container["Name"] = f"/{new}"
        store.save(container)
    return 0
