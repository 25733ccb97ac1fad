"""File systems of a node: a system disk, an NVMe data disk, shared memory of host or container."""

from __future__ import annotations

from pathlib import Path

from glm47_tui import assets
from glm47_tui.demo.sim import stubs
from glm47_tui.demo.sim.model import BF16
from glm47_tui.demo.sim.site import Site, write

_DATA = (7_500_000_000, 7_500_000_000 - BF16.total // 1024 - 40_000_000)
"""KiB in all, and KiB free beside the weights."""
_SYSTEM = (468_000_000, 391_000_000)
_MEMORY = 755 * 1024 * 1024

Row = tuple[str, str, str, int, int]
"""Device, type, mount point, KiB in all, KiB free."""


def host(site: Site) -> None:
    """Install a host's df."""
    _install(site, site.fs, site.run / "df", [
        ("tmpfs", "tmpfs", "/dev/shm", _MEMORY, _MEMORY),  # noqa: S108
        ("/dev/nvme1n1", "ext4", "/opt/data", *_DATA),
        ("tmpfs", "tmpfs", "/run", _MEMORY // 2, _MEMORY // 2 - 4096),
        ("/dev/nvme0n1p3", "xfs", "/", *_SYSTEM),
    ])  # fmt: skip


def container(site: Site, root: Path, shm_bytes: int, mounts: list[str]) -> None:
    """Install a container's df; ``mounts`` are where it sees folders of the data disk."""
    shm = shm_bytes // 1024
    _install(site, root, root / "etc/simulated.df", [
        ("shm", "tmpfs", "/dev/shm", shm, shm),  # noqa: S108
        *(("/dev/nvme1n1", "ext4", mount, *_DATA) for mount in mounts),
        ("overlay", "overlay", "/", *_SYSTEM),
    ])  # fmt: skip


def _install(site: Site, root: Path, table: Path, rows: list[Row]) -> None:
    write(table, "".join(" ".join(map(str, row)) + "\n" for row in rows))
    text = assets.text("demo", "host", "df")
    for key, value in (("root", root), ("table", table), ("dir", site.dir)):
        text = text.replace(f"@{key}@", str(value))
    stubs.put(root / "usr/local/sbin/df", text)
