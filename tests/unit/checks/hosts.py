"""Two hosts in network namespaces of their own, joined by a cable: real packets, real firewalls."""

from __future__ import annotations

import os
import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.unit.node.local import LocalShell


def why_not() -> str | None:
    """Reason why no namespaces can be made here, None when they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = subprocess.run(["ip", "netns", "list"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "no network namespaces here"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Hosts:
    """``with Hosts() as hosts``: 10.77.0.10 and 10.77.0.11 on enp67s0f5, and two shells there."""

    name: str = field(default_factory=lambda: f"chk{secrets.token_hex(3)}")

    def __enter__(self) -> Hosts:
        try:
            for i in (0, 1):
                _ip("netns", "add", f"{self.name}-{i}")
            ends = [f"{self.name}{i}" for i in "ab"]
            _ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
            for i, end in enumerate(ends):
                space = f"{self.name}-{i}"
                _ip("link", "set", end, "netns", space, "name", "enp67s0f5")
                _ip("-n", space, "addr", "add", f"10.77.0.1{i}/24", "dev", "enp67s0f5")
                _ip("-n", space, "link", "set", "enp67s0f5", "up")
                _ip("-n", space, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for i in (0, 1):
            gone = ["ip", "netns", "del", f"{self.name}-{i}"]
            subprocess.run(gone, capture_output=True, check=False)

    def shell(self, index: int, path: Path | None = None) -> LocalShell:
        """Return a shell on a host; the programs in ``path`` come first there."""
        # With a /sys of its own, which shows that host's NICs.
        own_sys = ("unshare", "--mount", "sh", "-c", 'mount -t sysfs none /sys && exec "$@"', "sh")
        inside = ("nsenter", f"--net=/run/netns/{self.name}-{index}", *own_sys)
        return LocalShell(str(path or ""), prefix=inside)

    def do(self, index: int, *words: str) -> None:
        """Run a command on a host."""
        inside = ["nsenter", f"--net=/run/netns/{self.name}-{index}"]
        subprocess.run([*inside, *words], check=True, capture_output=True)
