"""df of a node: a system disk, an NVMe data disk, and the shared memory of host or container."""

from __future__ import annotations

import sys
from pathlib import Path

from glm47_tui.demo.sim.build import TOTAL_SIZE
from glm47_tui.demo.sim.site import Site, read_json

KIB = 1024
_INODES = 480_000_000


def file_systems(site: Site, container: str) -> list[tuple[str, str, str, int, int]]:
    """Return (device, type, mount point, KiB in all, KiB free), innermost mount points first."""
    data = 7_500_000_000
    free = data - TOTAL_SIZE // KIB - 40_000_000
    if site.fault("disk-full") is not None:
        free = 6_000_000
    system = ("/", 468_000_000, 391_000_000)
    memory = 755 * KIB * KIB
    if not container:
        return [
            ("tmpfs", "tmpfs", "/dev/shm", memory, memory),  # noqa: S108
            ("/dev/nvme1n1", "ext4", "/opt/data", data, free),
            ("tmpfs", "tmpfs", "/run", memory // 2, memory // 2 - 4096),
            ("/dev/nvme0n1p3", "xfs", *system),
        ]
    about = read_json(site.dir / "docker/containers" / f"{container}.json") or {}
    config = about.get("HostConfig", {})
    shm = config.get("ShmSize", 64 << 20) // KIB
    binds = [bind.split(":") for bind in config.get("Binds") or []]
    inside = [
        ("/dev/nvme1n1", "ext4", words[1], data, free)
        for words in binds
        if words[0].startswith("/opt/data")
    ]
    return [("shm", "tmpfs", "/dev/shm", shm, shm), *inside, ("overlay", "overlay", *system)]  # noqa: S108


def main(site: Site, container: str, args: list[str]) -> int:
    """Run df; returns its exit code."""
    world = site.world()
    flags = "".join(a[1:] for a in args if a.startswith("-") and not a.startswith("--"))
    paths = [a for a in args if not a.startswith("-")]
    known = file_systems(site, container)
    chosen = known[::-1]
    if paths:
        chosen = []
        for path in paths:
            if not Path(path).exists():
                sys.stderr.write(f"df: {world.leave(path)}: No such file or directory\n")
                return 1
            name = world.leave(str(Path(path).absolute())).rstrip("/") + "/"
            chosen.append(next(f for f in known if name.startswith(f[2].rstrip("/") + "/")))
    here = site.world(site.dir / "ct" / container[:12] if container else None)
    lines = [_head(flags)]
    for device, kind, mount, size, room in chosen:
        total, free = (_INODES, _INODES - 1_200_000) if "i" in flags else (size, room)
        middle = f"{kind:<9}" if "T" in flags else ""
        share = f"{round(100 * (total - free) / total)}%"
        lines.append(
            f"{device:<16} {middle}{total:>12} {total - free:>11} {free:>11} {share:>8} "
            f"{here.enter(mount)}"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _head(flags: str) -> str:
    kind = "Type     " if "T" in flags else ""
    sizes = "1K-blocks        Used   Available     Use%"
    if "i" in flags:
        sizes = "   Inodes       IUsed       IFree    IUse%"
    elif "P" in flags:
        sizes = "1024-blocks      Used   Available Capacity"
    return f"{'Filesystem':<16} {kind}   {sizes} Mounted on"
