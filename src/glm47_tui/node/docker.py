"""Parsers of what Docker says, as JSON: version, info, images, containers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glm47_tui.node.sections import Section
from glm47_tui.node.text import clean, to_int


@dataclass(frozen=True)
class Docker:
    """The Docker Engine of a host.

    ``installed`` is about the client, ``running`` about a daemon that answers, ``denied`` about
    the right to ask it. ``error`` holds the client's words when there is no daemon. ``selinux``:
    the engine labels its containers.
    """

    installed: bool = False
    running: bool = False
    denied: bool = False
    client: str | None = None
    server: str | None = None
    root: str | None = None
    storage: str | None = None
    runtimes: tuple[str, ...] = ()
    default_runtime: str | None = None
    mirrors: tuple[str, ...] = ()
    http_proxy: str | None = None
    cgroup_driver: str | None = None
    selinux: bool = False
    error: str | None = None
    timed_out: bool = False


@dataclass(frozen=True)
class Image:
    """One image of a host. ``size_bytes`` is on disk; ``digests`` are ``repo@sha256:...``."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    arch: str = ""
    size_bytes: int | None = None
    created: str = ""


@dataclass(frozen=True)
class Mount:
    """A folder of the host seen in a container."""

    source: str
    target: str
    writable: bool = True


@dataclass(frozen=True)
class Container:
    """One container of a host.

    ``shm_bytes`` is /dev/shm in bytes (64 MiB when nothing was asked for). ``devices`` are the
    host paths handed in; a privileged container sees all of them. ``env`` is what ``-e`` gave.
    """

    id: str
    name: str
    image: str
    image_id: str = ""
    state: str = ""
    pid: int = 0
    privileged: bool = False
    network: str = ""
    ipc: str = ""
    shm_bytes: int | None = None
    devices: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] | None = None
    command: tuple[str, ...] = ()
    tty: bool = False
    restart: str = ""
    auto_remove: bool = False
    exit_code: int | None = None
    error: str = ""
    started: str = ""
    ulimits: Mapping[str, int] | None = None

    @property
    def running(self) -> bool:
        """Whether its main process runs."""
        return self.state == "running"

    @property
    def npus(self) -> tuple[int, ...]:
        """Numbers of the NPUs handed in by ``--device``, sorted."""
        names = (d.rpartition("/")[2] for d in self.devices)
        numbers = (to_int(n[7:]) for n in names if n.startswith("davinci"))
        return tuple(sorted(n for n in numbers if n is not None))

    def host_path(self, inside: str) -> str | None:
        """Return where a path inside lies on the host; None when no mount covers it."""
        best: Mount | None = None
        for mount in self.mounts:
            target = mount.target.rstrip("/")
            if (inside == target or inside.startswith(target + "/")) and (
                best is None or len(target) > len(best.target.rstrip("/"))
            ):
                best = mount
        if best is None:
            return None
        return best.source.rstrip("/") + inside[len(best.target.rstrip("/")) :]


def load_json(text: str) -> Any:
    """Parse the first JSON value of a text; None when there is none (never raises)."""
    text = clean(text)
    starts = [i for i in (text.find("{"), text.find("[")) if i >= 0]
    if not starts:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, min(starts))[0]
    except (ValueError, RecursionError):
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(v for v in _list(value) if isinstance(v, str))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_docker(info: Section) -> Docker:
    """Read ``docker info`` as ``{{json .}}``."""
    if info.missing:
        return Docker()
    facts = _dict(load_json(info.out))
    server = _text(facts.get("ServerVersion"))
    # With no daemon the reasons are in ServerErrors, on standard error, or both.
    error = clean("; ".join(_strings(facts.get("ServerErrors"))) or info.err).strip()[:400]
    registry = _dict(facts.get("RegistryConfig"))
    return Docker(
        installed=True,
        running=bool(server),
        denied="permission denied" in error.lower(),
        client=_text(_dict(facts.get("ClientInfo")).get("Version")) or None,
        server=server or None,
        root=_text(facts.get("DockerRootDir")) or None,
        storage=_text(facts.get("Driver")) or None,
        runtimes=tuple(sorted(_dict(facts.get("Runtimes")))),
        default_runtime=_text(facts.get("DefaultRuntime")) or None,
        mirrors=_strings(registry.get("Mirrors")),
        http_proxy=redacted(_text(facts.get("HttpProxy"))) or None,
        cgroup_driver=_text(facts.get("CgroupDriver")) or None,
        selinux=any("name=selinux" in x for x in _strings(facts.get("SecurityOptions"))),
        error=None if server else error,
        timed_out=info.timed_out,
    )


def parse_images(text: str) -> tuple[Image, ...]:
    """Read ``docker image inspect``."""
    return tuple(
        Image(
            id=_text(item.get("Id")),
            tags=_strings(item.get("RepoTags")),
            digests=_strings(item.get("RepoDigests")),
            arch=_text(item.get("Architecture")),
            size_bytes=_number(item.get("Size")),
            created=_text(item.get("Created")),
        )
        for item in map(_dict, _list(load_json(text)))
        if item
    )


def parse_containers(text: str) -> tuple[Container, ...]:
    """Read ``docker container inspect`` of one or more containers."""
    items = map(_dict, _list(load_json(text)))
    return tuple(_container(item) for item in items if _text(item.get("Id")))


def _container(item: dict[str, Any]) -> Container:
    state = _dict(item.get("State"))
    host = _dict(item.get("HostConfig"))
    config = _dict(item.get("Config"))
    devices = (_text(_dict(d).get("PathOnHost")) for d in _list(host.get("Devices")))
    limits = (_dict(u) for u in _list(host.get("Ulimits")))
    return Container(
        id=_text(item.get("Id")),
        name=_text(item.get("Name")).lstrip("/"),
        image=_text(config.get("Image")),
        image_id=_text(item.get("Image")),
        state=_text(state.get("Status")) or ("running" if state.get("Running") else "exited"),
        pid=_number(state.get("Pid")) or 0,
        privileged=bool(host.get("Privileged")),
        network=_text(host.get("NetworkMode")),
        ipc=_text(host.get("IpcMode")),
        shm_bytes=_number(host.get("ShmSize")),
        devices=tuple(d for d in devices if d),
        mounts=_mounts(item, host),
        env=_env(_strings(config.get("Env"))),
        command=(*_strings(config.get("Entrypoint")), *_strings(config.get("Cmd"))),
        tty=bool(config.get("Tty")),
        restart=_text(_dict(host.get("RestartPolicy")).get("Name")),
        auto_remove=bool(host.get("AutoRemove")),
        exit_code=_number(state.get("ExitCode")),
        error=_text(state.get("Error")),
        started=_text(state.get("StartedAt")),
        ulimits={_text(u.get("Name")): _number(u.get("Soft")) or 0 for u in limits},
    )


_SECRET = re.compile(r"token|password|passwd|secret|credential|api_?key|access_?key|auth", re.I)
_LOGIN = re.compile(r"(?<=//)[^/@\s]+@")
HIDDEN = "***"
"""Stands for a value that looks like a secret: facts are printed, logged and compared."""


def redacted(text: str) -> str:
    """Return a text without the login part of URLs in it."""
    return _LOGIN.sub(f"{HIDDEN}@", text)


def _env(words: tuple[str, ...]) -> dict[str, str]:
    pairs = (word.partition("=")[::2] for word in words)
    return {k: HIDDEN if v and _SECRET.search(k) else redacted(v) for k, v in pairs}


def parse_pairs(text: str) -> dict[str, str]:
    """Read ``ID NAME`` lines; returns name to id (the first of a name counts)."""
    found: dict[str, str] = {}
    for line in clean(text).splitlines():
        words = line.split(maxsplit=1)
        if len(words) == 2 and not words[1].startswith("<none>"):
            found.setdefault(words[1].strip(), words[0])
    return found


def _mounts(item: dict[str, Any], host: dict[str, Any]) -> tuple[Mount, ...]:
    found = [
        Mount(_text(m.get("Source")), _text(m.get("Destination")), m.get("RW") is not False)
        for m in map(_dict, _list(item.get("Mounts")))
    ]
    if not found:
        # Only "Mounts" covers volumes; binds are the fallback where an engine leaves it empty.
        for bind in _strings(host.get("Binds")):
            parts = bind.split(":")
            if len(parts) >= 2:
                found.append(Mount(parts[0], parts[1], "ro" not in parts[2:]))
    return tuple(m for m in found if m.target)
