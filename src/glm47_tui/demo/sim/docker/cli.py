"""The docker command."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

from glm47_tui.demo.sim.docker import template
from glm47_tui.demo.sim.docker.options import Options, parse
from glm47_tui.demo.sim.docker.store import Failure, Store, matching, public
from glm47_tui.demo.sim.site import Site

VERSION = "26.1.4"
_FORMAT: Options = {"--format": ("-f", True), "--type": ("", True), "--size": ("-s", False)}


def _out(store: Store, text: str) -> None:
    """Print for a shell of the host: its names are translated ones."""
    sys.stdout.write(store.site.world().enter(text))


def _show(store: Store, form: str, data: Any) -> None:
    _out(store, template.render("{{json .}}" if form == "json" else form, data) + "\n")


def version(store: Store, args: list[str]) -> int:
    """``docker version``."""
    form = parse(args, _FORMAT).one("--format")
    platform = {"Version": VERSION, "ApiVersion": "1.45", "Os": "linux", "Arch": "arm64"}
    data = {"Client": platform, "Server": {**platform, "KernelVersion": "simulated"}}
    if form:
        _show(store, form, data)
    else:
        _out(store, f"Client:\n Version: {VERSION}\n\nServer: simulated\n Version: {VERSION}\n")
    return 0


def info(store: Store, args: list[str]) -> int:
    """``docker info``."""
    found = store.containers()
    running = sum(bool(c["State"]["Running"]) for c in found)
    data = {
        "ID": "simulated", "Containers": len(found), "ContainersRunning": running,
        "ContainersStopped": len(found) - running, "Images": len(store.images()),
        "Driver": "overlay2", "CgroupDriver": "systemd", "CgroupVersion": "1",
        "ServerVersion": VERSION, "DockerRootDir": "/var/lib/docker", "Architecture": "aarch64",
        "OSType": "linux", "OperatingSystem": "openEuler 22.03 (LTS-SP4), simulated",
        "Name": store.site.node.name, "NCPU": 192, "MemTotal": 1_620_276_412_416,
        "HttpProxy": "", "HttpsProxy": "", "NoProxy": "", "DefaultRuntime": "runc",
        "Runtimes": {"runc": {"path": "runc"}}, "Warnings": None,
        "RegistryConfig": {"Mirrors": [], "InsecureRegistryCIDRs": ["127.0.0.0/8"]},
    }  # fmt: skip
    _show(store, parse(args, _FORMAT).one("--format") or "{{json .}}", data)
    return 0


def _inspected(store: Store, form: str, found: list[Any], missing: list[str], kind: str) -> int:
    if form:
        for item in found:
            _show(store, form, item)
    else:
        _out(store, json.dumps(found, indent=4) + "\n")
    for name in missing:
        sys.stderr.write(f"Error: No such {kind}: {name}\n")
    return 1 if missing else 0


def inspect_images(store: Store, args: list[str]) -> int:
    """``docker image inspect``."""
    words = parse(args, _FORMAT, anywhere=True)
    found = {name: store.find_image(name) for name in words.rest}
    good = [image for image in found.values() if image]
    missing = [name for name, image in found.items() if not image]
    return _inspected(store, words.one("--format"), good, missing, "image")


def inspect(store: Store, args: list[str]) -> int:
    """``docker inspect`` and ``docker container inspect``."""
    words = parse(args, _FORMAT, anywhere=True)
    good: list[dict[str, Any]] = []
    missing: list[str] = []
    known = store.containers()
    for name in words.rest:
        found = matching(known, name)
        if found is None and words.one("--type") != "container":
            found = store.find_image(name)
        if found is None:
            missing.append(name)
        else:
            good.append(public(found))
    return _inspected(store, words.one("--format"), good, missing, "object")


def inspect_containers(store: Store, args: list[str]) -> int:
    """``docker container inspect``."""
    return inspect(store, ["--type", "container", *args])


def listed(store: Store, args: list[str]) -> int:
    """``docker ps``."""
    words = parse(args, {
        "--all": ("-a", False), "--quiet": ("-q", False), "--filter": ("-f", True),
        "--format": ("", True), "--no-trunc": ("", False), "--latest": ("-l", False),
        "--last": ("-n", True), "--size": ("-s", False),
    }, anywhere=True)  # fmt: skip
    found = [c for c in store.containers() if c["State"]["Running"] or words.has("--all")]
    for item in words.all("--filter"):
        key, _, value = item.partition("=")
        if key == "name":
            found = [c for c in found if value.strip("^$/") in c["Name"]]
        elif key == "status":
            found = [c for c in found if c["State"]["Status"] == value]
    rows = [_row(c, words.has("--no-trunc")) for c in found]
    if words.has("--quiet"):
        _out(store, "".join(f"{row['ID']}\n" for row in rows))
    elif words.one("--format"):
        for row in rows:
            _show(store, words.one("--format"), row)
    else:
        heads = {k: k.upper() for k in ("ID", "Image", "Command", "Status", "Names")}
        lines = [{**heads, "ID": "CONTAINER ID"}, *rows]
        _out(store, "".join(
            f"{r['ID']:<14} {r['Image']:<40} {r['Command']:<9} {r['Status']:<24} {r['Names']}\n"
            for r in lines
        ))  # fmt: skip
    return 0


def _row(c: dict[str, Any], whole: bool) -> dict[str, str]:
    state = c["State"]
    status = "Up 1 minute" if state["Running"] else f"Exited ({state['ExitCode']}) 1 minute ago"
    return {
        "ID": c["Id"] if whole else c["Id"][:12], "Image": c["Config"]["Image"],
        "Command": f'"{c["Path"]}"', "Status": status, "State": state["Status"],
        "Names": c["Name"][1:], "CreatedAt": c["Created"], "Ports": "", "Networks": "host",
        "Mounts": ",".join(m["Source"] for m in c["Mounts"]), "Labels": "",
    }  # fmt: skip


def image_list(store: Store, args: list[str]) -> int:
    """``docker images``."""
    words = parse(args, {
        "--all": ("-a", False), "--quiet": ("-q", False), "--format": ("", True),
        "--no-trunc": ("", False), "--filter": ("-f", True), "--digests": ("", False),
    }, anywhere=True)  # fmt: skip
    rows = []
    for image in store.images():
        repository, _, tag = image["RepoTags"][0].rpartition(":")
        id_ = image["Id"] if words.has("--no-trunc") else image["Id"][7:19]
        rows.append({"ID": id_, "Repository": repository, "Tag": tag, "Size": "17.4GB",
                     "CreatedSince": "10 months ago", "CreatedAt": image["Created"],
                     "Digest": image["RepoDigests"][0].partition("@")[2]})  # fmt: skip
    if words.has("--quiet"):
        _out(store, "".join(f"{row['ID']}\n" for row in rows))
    elif words.one("--format"):
        for row in rows:
            _show(store, words.one("--format"), row)
    else:
        _out(store, f"{'REPOSITORY':<32} {'TAG':<14} {'IMAGE ID':<14} SIZE\n" + "".join(
            f"{r['Repository']:<32} {r['Tag']:<14} {r['ID']:<14} {r['Size']}\n" for r in rows
        ))  # fmt: skip
    return 0


def logs(store: Store, args: list[str]) -> int:
    """``docker logs``: a container that runs only bash says nothing."""
    words = parse(args, {"--tail": ("-n", True), "--follow": ("-f", False)}, anywhere=True)
    store.find(words.rest[0])
    return 0


def _later(module: str, name: str) -> Callable[[Store, list[str]], int]:
    """Return a command whose module is imported when it is called: most calls only look."""

    def run(store: Store, args: list[str]) -> int:
        found = importlib.import_module(f"glm47_tui.demo.sim.docker.{module}")
        return int(getattr(found, name)(store, args))

    return run


_COMMANDS: dict[str, Callable[[Store, list[str]], int]] = {
    "version": version, "info": info, "inspect": inspect, "ps": listed, "images": image_list,
    "logs": logs, "image inspect": inspect_images, "image ls": image_list,
    "container inspect": inspect_containers, "container ls": listed,
    "exec": _later("execute", "execute"), "pull": _later("images", "pull"),
    "image pull": _later("images", "pull"), "run": _later("containers", "run"),
    "start": _later("containers", "start"), "stop": _later("containers", "stop"),
    "kill": _later("containers", "stop"), "restart": _later("containers", "restart"),
    "rm": _later("containers", "remove"), "rename": _later("containers", "rename"),
}  # fmt: skip


def main(site: Site, container: str, args: list[str]) -> int:
    """Run the docker command; returns its exit code."""
    del container
    store = Store(site)
    world = site.world()
    words = [world.leave(word) for word in args]
    name, rest = (words[0], words[1:]) if words else ("", [])
    if name in ("image", "container") and rest:
        longer = f"{name} {rest[0]}"
        known = longer if longer in _COMMANDS else rest[0] if name == "container" else longer
        name, rest = known, rest[1:]
    if name not in _COMMANDS:
        sys.stderr.write(f"docker (simulated): '{' '.join(words)}' is not simulated.\n")
        return 1
    try:
        return _COMMANDS[name](store, rest)
    except Failure as failure:
        sys.stderr.write(world.enter(f"{failure}\n"))
        return failure.code
    except template.TemplateError as error:
        sys.stderr.write(f'template: :1: executing "" failed: {error}\n')
        return 1
