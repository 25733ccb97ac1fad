"""One simulated node as its stand-ins see it: a folder, a description, and the faults switched on.

Layout of a node's folder::

    node.json   what the node is (written once, at the cluster's start)
    faults/     one file per fault that is on; its text is the fault's value
    fs/         what stands for / on the host
    ct/ID/      what stands for / in a container
    docker/     images.json, containers/ID.json
    run/        what runs: procs/, listen/, npu/
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from glm47_tui.demo.sim.world import World

NIC = "enp67s0f5"
SECOND_NIC = "enp189s0f0"
MARK = "GLM47_DEMO_HOME"
"""Environment variable that every process of a cluster carries: its home."""


class Node(NamedTuple):
    """What a node is.

    ``prefix`` is the second number of its loopback addresses, ``source`` the folder that holds the
    package ``glm47_tui``, ``pace`` the factor of all simulated waits.
    """

    number: int
    nodes: int
    home: str
    prefix: int
    python: str
    source: str
    pace: float = 1.0

    @property
    def name(self) -> str:
        """Host name."""
        return f"atlas-{self.number}"


def service_ip(index: int) -> str:
    """Return a node's service address in the simulated world."""
    return f"10.77.0.{10 + index}"


def second_ip(index: int) -> str:
    """Return the address of a node's second NIC, in a network of its own."""
    return f"192.168.{70 + index}.10"


def loopback(prefix: int, index: int) -> str:
    """Return the loopback address that stands for a node's service address."""
    return f"127.{prefix}.0.{10 + index}"


def unreachable(prefix: int, index: int) -> str:
    """Return the loopback address that stands for a node nobody reaches."""
    return f"127.{prefix}.254.{10 + index}"


class Site:
    """A node's folder. Cheap to make: stand-ins make one at every start."""

    def __init__(self, folder: str | Path) -> None:
        self.dir = Path(folder)
        self.fs = self.dir / "fs"
        self.run = self.dir / "run"
        self.node = Node(**json.loads((self.dir / "node.json").read_text("utf-8")))

    @staticmethod
    def make(folder: Path, node: Node) -> Site:
        """Write a node's description and return its site."""
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "node.json", json.dumps(node._asdict()))
        return Site(folder)

    def fault(self, name: str) -> str | None:
        """Return the value of a fault that is on (may be empty), None when it is off."""
        try:
            return (self.dir / "faults" / name).read_text("utf-8").strip()
        except OSError:
            return None

    def peer(self, index: int) -> Site:
        """Return another node of the same cluster."""
        return Site(self.dir.parent / str(index))

    @property
    def ip(self) -> str:
        """The node's service address, simulated."""
        return service_ip(self.node.number)

    @property
    def loopback(self) -> str:
        """The node's service address on this machine."""
        return loopback(self.node.prefix, self.node.number)

    def addresses(self) -> dict[str, str]:
        """Map simulated addresses to those of this machine, as this node reaches them.

        Second NICs do not reach each other, nor does anybody reach a node with the fault
        ``firewall``: then an address leads where nobody listens.
        """
        me, prefix = self.node.number, self.node.prefix
        known = {"127.0.0.1": self.loopback}
        for i in range(self.node.nodes):
            here = i == me
            walled = not here and (self.dir.parent / str(i) / "faults/firewall").exists()
            known[service_ip(i)] = unreachable(prefix, i) if walled else loopback(prefix, i)
            known[second_ip(i)] = f"127.{prefix}.{1 if here else 253}.{10 + i}"
        return known

    def world(self, root: Path | None = None) -> World:
        """Return the translation for the host, or for the container with this root."""
        return World(str(self.dir), str(root or self.fs), self.addresses())

    def sleep(self, seconds: float) -> None:
        """Wait as long as the pace says."""
        time.sleep(max(0.0, seconds * self.node.pace))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock of this node against other processes."""
        import fcntl

        with (self.dir / f".{name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def write(path: Path, text: str) -> None:
    """Write a small file in one step."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    part.write_text(text, "utf-8")
    part.replace(path)


def read_json(path: Path) -> Any:
    """Read a JSON file; None when it is not there or not whole."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
