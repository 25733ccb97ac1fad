"""Parsers of what a host says about itself: system, memory, disks, limits, ports, firewall."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from glm47_tui.node.sections import Section
from glm47_tui.node.text import clean, key_values, to_float, to_int


@dataclass(frozen=True)
class System:
    """Operating system of a host. ``uptime_s`` is seconds since boot; ``uid`` 0 is root."""

    kernel: str = ""
    arch: str = ""
    hostname: str = ""
    os_name: str = ""
    os_id: str = ""
    uid: int | None = None
    cpus: int | None = None
    uptime_s: float | None = None

    @property
    def root(self) -> bool:
        """Whether the probe ran with root's rights."""
        return self.uid == 0


@dataclass(frozen=True)
class Memory:
    """RAM of a host, in bytes."""

    total: int | None = None
    available: int | None = None
    swap_total: int | None = None


@dataclass(frozen=True)
class Disk:
    """Disk under a folder. Sizes in bytes.

    ``path`` is what was asked for, ``real`` its nearest parent that exists, ``mount`` the mount
    point, ``kind`` the file system as ``stat -f`` names it.
    """

    path: str
    real: str
    mount: str = ""
    device: str = ""
    kind: str = ""
    total: int | None = None
    free: int | None = None
    inodes_free: int | None = None
    writable: bool = False

    @property
    def exists(self) -> bool:
        """Whether the folder asked for is there."""
        return self.path.rstrip("/") == self.real.rstrip("/")


@dataclass(frozen=True)
class Listener:
    """A TCP port somebody listens on.

    ``pid``, ``process`` and ``container`` (id of the container the process is in, None outside
    one) need root to be seen.
    """

    address: str
    port: int
    process: str = ""
    pid: int | None = None
    container: str | None = None


@dataclass(frozen=True)
class Firewall:
    """What hints at a packet filter. ``services`` maps service names to systemd's word.

    ``input_rules`` are the rules of the INPUT chain, in ``iptables -S`` form. ``nft_drops``: an
    nftables chain for incoming packets drops by default.
    """

    services: Mapping[str, str]
    selinux: str | None = None
    input_rules: tuple[str, ...] = ()
    nft_drops: bool = False

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the firewall services that run."""
        return tuple(n for n, state in self.services.items() if state == "active")

    @property
    def drops(self) -> bool:
        """Whether the INPUT chain drops or rejects anything."""
        return any(" DROP" in r or " REJECT" in r for r in self.input_rules)


@dataclass(frozen=True)
class Process:
    """A process of an inference or training run on a host.

    ``rss_kb`` is resident memory in KiB; ``container`` the id of its container, None outside one.
    """

    pid: int
    name: str
    user: str
    rss_kb: int
    container: str | None
    command: str


def parse_system(text: str) -> System:
    """Read the ``sys`` probe: ``key value`` lines, then /etc/os-release."""
    words = dict(line.partition(" ")[::2] for line in text.splitlines() if "=" not in line)
    release = key_values(text)
    return System(
        kernel=words.get("kernel", ""),
        arch=words.get("arch", ""),
        hostname=words.get("hostname", ""),
        os_name=release.get("PRETTY_NAME", ""),
        os_id=release.get("ID", ""),
        uid=to_int(words.get("uid")),
        cpus=to_int(words.get("cpus")),
        uptime_s=to_float(words.get("uptime")),
    )


def parse_memory(text: str) -> Memory:
    """Read lines of /proc/meminfo."""
    values = {k: to_int(v.split()[0]) for k, v in key_values(text, ":").items() if v}

    def size(key: str) -> int | None:
        value = values.get(key)
        return None if value is None else value * 1024

    return Memory(size("MemTotal"), size("MemAvailable"), size("SwapTotal"))


def _df(line: str) -> tuple[str, int, int, str] | None:
    """Read one POSIX ``df`` line: (device, total, free, mount point), sizes in its own unit."""
    found = re.match(r"(\S+)\s+(\d{1,18})\s+\d+\s+(\d{1,18})\s+\S+\s+(/.*)$", line.strip())
    return (
        (found.group(1), int(found.group(2)), int(found.group(3)), found.group(4))
        if found
        else None
    )


def parse_disks(text: str) -> tuple[Disk, ...]:
    """Read the ``disk`` probe: ``@disk PATH REAL KIND``, df in KiB, df of inodes, ``writable``."""
    disks: list[Disk] = []
    for block in re.split(r"^@disk ", clean(text), flags=re.M)[1:]:
        lines = block.splitlines()
        head = [*(lines[0].split("\t") if lines else ()), "", "", ""]
        rows = [row for row in map(_df, lines[1:]) if row]
        space = rows[0] if rows else None
        disks.append(
            Disk(
                path=head[0],
                real=head[1],
                kind=head[2],
                device=space[0] if space else "",
                mount=space[3] if space else "",
                total=space[1] * 1024 if space else None,
                free=space[2] * 1024 if space else None,
                inodes_free=rows[1][2] if len(rows) > 1 else None,
                writable="writable" in lines,
            )
        )
    unique = {disk.path: disk for disk in reversed(disks)}
    return tuple(reversed(unique.values()))


def parse_df_total(text: str) -> int | None:
    """Return the size in bytes of the last file system a ``df -Pk`` output lists."""
    rows = [row for row in map(_df, clean(text).splitlines()) if row]
    return rows[-1][1] * 1024 if rows else None


def parse_mounts(text: str) -> tuple[Disk, ...]:
    """Read ``df -PkT``: the real file systems of a host, the roomiest first."""
    disks: list[Disk] = []
    for line in clean(text).splitlines():
        words = line.split(maxsplit=6)
        if len(words) < 7 or not words[6].startswith("/"):
            continue
        total, free = to_int(words[2]), to_int(words[4])
        pseudo = words[1] in ("tmpfs", "devtmpfs", "squashfs", "efivarfs", "overlay", "iso9660")
        if total is None or free is None or pseudo:
            continue
        disks.append(
            Disk(words[6], words[6], words[6], words[0], words[1], total * 1024, free * 1024)
        )
    return tuple(sorted(disks, key=lambda d: -(d.free or 0)))


def parse_limits(text: str) -> dict[str, str]:
    """Read ``key value`` lines: nofile, nproc, memlock, and sysctl paths (``vm/max_map_count``)."""
    pairs = (line.partition(" ")[::2] for line in clean(text).splitlines())
    return {key: value.strip() for key, value in pairs if key}


_OWNER = re.compile(r'\("([^"]*)",pid=([0-9]{1,9})')
_OWNED = re.compile(r"^@owner ([0-9]{1,9}) ([0-9a-f]{64})$", re.M)
_NETSTAT_OWNER = re.compile(r"([0-9]{1,9})/(\S+)")


def parse_listeners(text: str) -> tuple[Listener, ...]:
    """Read ``ss -H -ltnp``, ``netstat -ltnp`` or /proc/net/tcp, whichever the probe had.

    ``@owner PID CONTAINER`` lines may follow: which container a process is in.
    """
    found: dict[tuple[str, int], Listener] = {}
    owners = {to_int(p): c for p, c in _OWNED.findall(clean(text))}
    for line in clean(text).splitlines():
        words = line.split()
        listener = None
        if words[:1] == ["LISTEN"] and len(words) >= 4:
            listener = _socket(words[3], _OWNER.search(line), (1, 2))
        elif words and words[0].startswith("tcp") and "LISTEN" in words and len(words) >= 4:
            listener = _socket(words[3], _NETSTAT_OWNER.search(line), (2, 1))
        elif len(words) > 3 and words[0].endswith(":") and words[3] == "0A":
            listener = _proc_socket(words[1])
        if listener:
            listener = replace(listener, container=owners.get(listener.pid))
            found.setdefault((listener.address, listener.port), listener)
    return tuple(sorted(found.values(), key=lambda x: (x.port, x.address)))


def _socket(where: str, owner: re.Match[str] | None, groups: tuple[int, int]) -> Listener | None:
    address, _, port = where.rpartition(":")
    number = to_int(port)
    if number is None or number > 65535:
        return None
    name, pid = (owner.group(groups[0]), to_int(owner.group(groups[1]))) if owner else ("", None)
    return Listener(address.partition("%")[0].strip("[]"), number, name, pid)


def _proc_socket(where: str) -> Listener | None:
    address, _, port = where.partition(":")
    if not re.fullmatch(r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}", address):
        return None
    if not re.fullmatch(r"[0-9A-Fa-f]{4}", port):
        return None
    if len(address) == 32:
        return Listener("::" if set(address) == {"0"} else "*", int(port, 16))
    octets = [str(int(address[i : i + 2], 16)) for i in (6, 4, 2, 0)]
    return Listener(".".join(octets), int(port, 16))


def parse_firewall(text: str) -> Firewall:
    """Read the ``fw`` probe: ``service NAME STATE``, ``selinux MODE``, ``iptables -S`` lines."""
    services: dict[str, str] = {}
    selinux = None
    rules: list[str] = []
    for line in clean(text).splitlines():
        words = line.split()
        if words[:1] == ["service"] and len(words) >= 3:
            services[words[1]] = words[2]
        elif words[:1] == ["selinux"] and len(words) >= 2:
            selinux = words[1]
        elif line.startswith("-"):
            rules.append(line.strip())
    drops = re.search(r"hook input .*policy drop", clean(text)) is not None
    return Firewall(services, selinux, tuple(rules), drops)


def parse_processes(text: str) -> tuple[Process, ...]:
    """Read tab-separated ``pid comm user rss container command`` lines."""
    found: list[Process] = []
    for line in clean(text).splitlines():
        words = line.split("\t")
        pid = to_int(words[0])
        if len(words) < 6 or pid is None:
            continue
        container = words[4] if re.fullmatch(r"[0-9a-f]{64}", words[4]) else None
        command = " ".join(words[5:]).strip()
        found.append(Process(pid, words[1], words[2], to_int(words[3]) or 0, container, command))
    return tuple(found)


def parse_tools(section: Section) -> dict[str, str]:
    """Read ``name path`` lines: which programs a host has."""
    pairs = (line.split(maxsplit=1) for line in section.out.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
