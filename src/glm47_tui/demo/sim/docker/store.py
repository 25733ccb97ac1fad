"""What the daemon knows: images and containers, in JSON files of the node."""

from __future__ import annotations

import json
import time
from typing import Any

from glm47_tui.demo.sim.kernel import started
from glm47_tui.demo.sim.site import Site, read_json, write

REFERENCE = "quay.io/ascend/vllm-ascend:v0.13.0rc1"
IMAGE_ID = "sha256:524b38df7811" + "51a71a7ed" * 5 + "1234567"
DIGEST = "sha256:" + "51a71a7ed1" * 6 + "cafe"
IMAGE_BYTES = 17_428_903_731
RETIRED = "2025-12-27T03:12:44.000000000Z"
PYTHON = "/usr/local/python3.11.13"

ENV = (
    f"PATH={PYTHON}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND=noninteractive",
    "LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64/driver:/usr/local/Ascend/driver/lib64/common",
    "ASCEND_TOOLKIT_HOME=/usr/local/Ascend/ascend-toolkit/latest",
)


class Failure(Exception):
    """What the docker command says on standard error, and its exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def now() -> str:
    """Return the time as Docker writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000000000Z"


def image(reference: str) -> dict[str, Any]:
    """Return what ``docker image inspect`` says of an image with this name."""
    repository = reference.rpartition(":")[0] or reference
    return {
        "Id": IMAGE_ID, "RepoTags": [reference], "RepoDigests": [f"{repository}@{DIGEST}"],
        "Created": RETIRED, "Architecture": "arm64", "Os": "linux", "Size": IMAGE_BYTES,
        "Config": {"Env": list(ENV), "Cmd": ["/bin/bash"], "Entrypoint": None,
                   "WorkingDir": "/workspace", "Labels": {"simulated": "glm47-tui demo"}},
        "GraphDriver": {"Name": "overlay2", "Data": {}},
        "RootFS": {"Type": "layers", "Layers": []},
    }  # fmt: skip


class Store:
    """Images and containers of one node."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.folder = site.dir / "docker"

    def images(self) -> list[dict[str, Any]]:
        """Return all images."""
        return read_json(self.folder / "images.json") or []

    def add_image(self, reference: str) -> None:
        """Add an image."""
        with self.site.locked("docker"):
            others = [i for i in self.images() if reference not in i["RepoTags"]]
            write(self.folder / "images.json", json.dumps([*others, image(reference)]))

    def find_image(self, name: str) -> dict[str, Any] | None:
        """Find an image by reference, digest or id."""
        bare = name.removeprefix("sha256:")
        for found in self.images():
            known = (*found["RepoTags"], *found["RepoDigests"])
            if name in known or f"{name}:latest" in known:
                return found
            if len(bare) >= 6 and found["Id"][7:].startswith(bare):
                return found
        return None

    def containers(self) -> list[dict[str, Any]]:
        """Return all containers, their state as it is now; the newest first."""
        found = [read_json(f) for f in (self.folder / "containers").glob("*.json")]
        alive = [self._now(c) for c in found if c]
        return sorted(alive, key=lambda c: str(c["Created"]), reverse=True)

    @staticmethod
    def _now(container: dict[str, Any]) -> dict[str, Any]:
        """Correct the state of a container whose main process has gone."""
        state = container["State"]
        if state["Running"] and started(state["Pid"]) != state["Born"]:
            state |= {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 137}
            state["FinishedAt"] = now()
        return container

    def find(self, name: str) -> dict[str, Any]:
        """Find a container by name or id; Failure when there is none."""
        found = matching(self.containers(), name)
        if found is None:
            raise Failure(f"Error response from daemon: No such container: {name}")
        return found

    def save(self, container: dict[str, Any]) -> None:
        """Write a container down."""
        name = f"{container['Id'][:12]}.json"
        write(self.folder / "containers" / name, json.dumps(container))

    def forget(self, container: dict[str, Any]) -> None:
        """Remove a container's record."""
        (self.folder / "containers" / f"{container['Id'][:12]}.json").unlink(missing_ok=True)


def matching(containers: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Find a container by name or the beginning of its id."""
    for container in containers:
        same = container["Name"] == f"/{name.lstrip('/')}"
        if same or (len(name) >= 4 and container["Id"].startswith(name)):
            return container
    return None


def public(item: dict[str, Any]) -> dict[str, Any]:
    """Return a container or image as ``docker inspect`` shows it."""
    if "State" not in item:
        return item
    state = {k: v for k, v in item["State"].items() if k != "Born"}
    return {**item, "State": state}
