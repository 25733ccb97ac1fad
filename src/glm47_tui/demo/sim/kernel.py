"""What a node's kernel knows: which processes run, who listens on which port, whose NPU memory.

Processes of this machine that belong to a node register themselves. What scripts read of it
(``/proc`` and ``ss``) is written anew when it changes; a process that died is dropped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from glm47_tui.demo.sim.site import Site, read_json, write

_TCP_HEAD = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
    "timeout inode"
)


def started(pid: int) -> str | None:
    """Return when a process began, in the kernel's ticks; None when it does not run."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return None
    return None if rest[0] == b"Z" else rest[19].decode()


def register(site: Site, pid: int, container: str, **more: Any) -> None:
    """Make a process visible on its node; ``container`` is a short id, "" for the host.

    ``more`` may hold ``npus`` ({NPU number: MiB of HBM}) and, as it shall be seen, ``name`` (in
    npu-smi) and ``cmdline``.
    """
    folder = site.run / "procs"
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"pid": pid, "started": started(pid), "container": container, **more}
    write(folder / f"{pid}.json", json.dumps(entry))
    shown = site.fs / "proc" / str(pid)
    shown.mkdir(parents=True, exist_ok=True)
    (shown / "cmdline").write_text(str(more.get("cmdline", "python3")).replace(" ", "\0") + "\0")
    for name in ("comm", "stat", "statm", "status", "limits"):
        link = shown / name
        if not link.is_symlink():
            link.symlink_to(f"/proc/{pid}/{name}")
    known = read_json(site.dir / "docker" / "containers" / f"{container}.json") or {}
    whole = str(known.get("Id", container))  # as a real kernel names it: all 64 digits
    group = f"system.slice/docker-{whole}.scope" if container else "user.slice"
    (shown / "cgroup").write_text(f"0::/{group}\n")


def rename(name: str) -> None:
    """Give this process the name that npu-smi and /proc/PID/comm show (15 characters)."""
    try:
        Path("/proc/self/comm").write_text(name[:15])
    except OSError:
        return


def processes(site: Site) -> list[dict[str, Any]]:
    """Return the registered processes that run, by pid; forget the others."""
    found = []
    for file in (site.run / "procs").glob("*.json"):
        entry = read_json(file)
        if not entry:
            continue
        if started(entry["pid"]) == entry["started"]:
            found.append(entry)
            continue
        file.unlink(missing_ok=True)
        _forget(site.fs / "proc" / str(entry["pid"]))
    return sorted(found, key=lambda e: int(e["pid"]))


def _forget(shown: Path) -> None:
    try:
        for link in shown.iterdir():
            link.unlink(missing_ok=True)
        shown.rmdir()
    except OSError:
        return


def listen(site: Site, port: int, address: str = "0.0.0.0") -> None:  # noqa: S104
    """Tell that this process listens on a port of its node."""
    folder = site.run / "listen"
    folder.mkdir(parents=True, exist_ok=True)
    comm = Path("/proc/self/comm").read_text().strip()
    entry = {"port": port, "address": address, "pid": os.getpid(), "comm": comm}
    entry["started"] = started(os.getpid())
    write(folder / f"{port}.json", json.dumps(entry))
    refresh(site)


def listeners(site: Site) -> list[dict[str, Any]]:
    """Return who listens on the node, sshd first; forget those that died."""
    found: list[dict[str, Any]] = [{"port": 22, "address": "0.0.0.0", "pid": 911, "comm": "sshd"}]  # noqa: S104
    for file in sorted((site.run / "listen").glob("*.json")):
        entry = read_json(file)
        if entry and started(entry["pid"]) == entry["started"]:
            found.append(entry)
        elif entry:
            file.unlink(missing_ok=True)
    return found


def refresh(site: Site) -> None:
    """Write /proc/net/tcp and the answer of ``ss`` anew, if they changed."""
    processes(site)
    tcp, ss = [_TCP_HEAD], []
    for n, entry in enumerate(listeners(site)):
        octets = [int(x) for x in entry["address"].split(".")]
        local = "".join(f"{x:02X}" for x in reversed(octets))
        tcp.append(
            f"{n:4d}: {local}:{entry['port']:04X} 00000000:0000 0A 00000000:00000000 00:00000000 "
            f"00000000     0        0 {20000 + n} 1 0000000000000000 100 0 0 10 0"
        )
        ss.append(
            f"LISTEN 0      128    {entry['address']}:{entry['port']}      0.0.0.0:*    "
            f'users:(("{entry["comm"]}",pid={entry["pid"]},fd=3))'
        )
    _change(site.fs / "proc/net/tcp", "\n".join(tcp) + "\n")
    _change(site.run / "ss", "\n".join(ss) + "\n")


def _change(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text)
