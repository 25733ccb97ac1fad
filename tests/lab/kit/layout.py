"""Names, addresses and places of a lab.

Everything of a lab hangs below one name, so that several can run side by side: network namespaces
``g47-NAME-*``, one folder ``<cache>/run/NAME``, one cgroup ``g47-NAME``. The networks live in
namespaces of their own: addresses may repeat between labs, and this machine's own network is
never touched.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
FILES = Path(__file__).resolve().parents[1] / "files"
NETNS = Path("/run/netns")

IMAGE = "quay.io/ascend/vllm-ascend:v0.13.0rc1"
CONTAINER = "vllm-ascend-v0.13.0rc1"
MODEL_PATH = "/opt/data/verification/models/GLM-4.7"
OPS_USER = "ops"
VENV_INSIDE = "/usr/local/python3.11"
"""Where containers find Python, as in the real image."""
DATA_DIR = "/usr/local/Ascend/driver/lib64"
"""Mounted into the container by the guide's command: the stand-ins keep their faults here."""


def cache_dir() -> Path:
    """The lab's folder outside the checkout: packages, model, image, running labs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "glm47-tui-lab"


@dataclass(frozen=True)
class Nic:
    """One interface of a host and the bridge it is plugged into."""

    name: str
    cidr: str
    bridge: str


@dataclass(frozen=True)
class Host:
    """One machine of the lab. ``role`` is node, jump or desk (where the tool runs)."""

    name: str
    role: str
    nics: tuple[Nic, ...]

    @property
    def ip(self) -> str:
        """Address of the first NIC, without the prefix."""
        return self.nics[0].cidr.split("/")[0]


# The second NIC of each node leads nowhere: a wrong choice is possible, and it fails.
HOSTS = (
    Host(
        "node0", "node",
        (Nic("enp67s0f5", "10.77.0.10/24", "svc"), Nic("enp67s0f4", "10.79.0.10/24", "alt0")),
    ),
    Host(
        "node1", "node",
        (Nic("enp67s0f5", "10.77.0.11/24", "svc"), Nic("enp67s0f4", "10.79.1.11/24", "alt1")),
    ),
    Host("jump", "jump", (Nic("eth0", "10.78.0.2/24", "mgmt"), Nic("eth1", "10.77.0.2/24", "svc"))),
    Host("desk", "desk", (Nic("eth0", "10.78.0.100/24", "mgmt"),)),
)  # fmt: skip
GATEWAY = "10.77.0.2"
NODES = tuple(h for h in HOSTS if h.role == "node")
BOOTED = tuple(h for h in HOSTS if h.role != "desk")
"""Hosts with processes and files of their own; the desk is a network namespace alone."""


def host(name: str) -> Host:
    """The host of that name; KeyError with the known names otherwise."""
    for item in HOSTS:
        if item.name == name:
            return item
    raise KeyError(f"no host {name}: {', '.join(h.name for h in HOSTS)}")


@dataclass(frozen=True)
class Layout:
    """Places of one lab."""

    name: str = "play"

    def __post_init__(self) -> None:
        # The name ends up in names of interfaces, folders and cgroups.
        if not re.fullmatch(r"[a-z][a-z0-9]{0,7}", self.name):
            raise ValueError(f"lab name {self.name!r}: 1 to 8 small letters and digits")

    @property
    def run(self) -> Path:
        """Folder of the running lab."""
        return cache_dir() / "run" / self.name

    @property
    def keys(self) -> Path:
        """Keys, known_hosts and the password of the ordinary user."""
        return self.run / "keys"

    @property
    def switch(self) -> str:
        """Namespace that holds the bridges."""
        return f"g47-{self.name}-switch"

    def netns(self, host_name: str) -> str:
        """Network namespace of a host."""
        return f"g47-{self.name}-{host_name}"

    @property
    def all_netns(self) -> tuple[str, ...]:
        """Every network namespace a lab of this name may have."""
        return (self.switch, *(self.netns(h.name) for h in HOSTS))

    @property
    def cgroup(self) -> str:
        """Parent of the containers' cgroups, relative to each hierarchy."""
        return f"g47-{self.name}"

    def host_dir(self, host_name: str) -> Path:
        """The host's own files."""
        return self.run / host_name
