"""Large files through the tool's SSH room against OpenSSH's sftp: same server, cipher and run.

``python bench/transfer.py [MiB] [rounds]`` prints seconds, MiB/s and the ratio, up and down.
The aim is 0.9 of sftp's speed. Both sides are taken in turns, the best of the rounds counts.
The files lie in memory (/dev/shm) where there is room, so that no disk decides.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from glm47_tui import remote  # noqa: E402
from glm47_tui.profile.store import loads  # noqa: E402
from tests.support.sshd import Sshd, why_not  # noqa: E402

CIPHER = "aes128-gcm@openssh.com"
AIM = 0.9
PROFILE = """
schema = 1
name = "bench"
[ssh]
user = "{user}"
port = {port}
identity = "{key}"
sudo = false
[[nodes]]
host = "127.0.0.1"
nic = "lo"
ip = "10.99.0.1"
"""


class Trusting(remote.Nobody):
    """The server is our own."""

    def host_key(self, key: remote.HostKey) -> Literal["once", "save", "refuse"]:
        del key
        return "once"


def timed(work: Callable[[], object]) -> float:
    """Seconds a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def sftp(server: Sshd, batch: str) -> None:
    """Run one sftp command."""
    subprocess.run(
        [
            "sftp", "-q", "-b", "-", "-c", CIPHER, "-i", str(server.login_key),
            "-P", str(server.port), "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", f"{server.user}@127.0.0.1",
        ],
        input=batch.encode(), check=True, capture_output=True,
    )  # fmt: skip


def measure(server: Sshd, folder: Path, size: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way of copying, one entry a round."""
    source = folder / "source"
    with source.open("wb") as out:
        for _ in range(size):
            out.write(os.urandom(1024 * 1024))
    text = PROFILE.format(user=server.user, port=server.port, key=server.login_key)
    node = remote.connect_one(loads(text), 0, Trusting())
    ways: dict[str, Callable[[], None]] = {
        "up, sftp": lambda: sftp(server, f"put {source} {folder}/up\n"),
        "up, ours": lambda: node.send_file(str(source), str(folder / "up")),
        "down, sftp": lambda: sftp(server, f"get {source} {folder}/down\n"),
        "down, ours": lambda: node.fetch_file(str(source), str(folder / "down")),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(timed(way))
            (folder / name.split(",")[0]).unlink()
    cipher = getattr(node, "cipher", "?")
    node.close()
    print(f"{size} MiB, best of {rounds}; ours: {cipher}, sftp: {CIPHER}")
    return seconds


def main() -> int:
    """Print the table."""
    reason = why_not()
    if reason:
        print(f"not measured: {reason}")
        return 0
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(dir=in_memory(size)) as name:
        folder = Path(name)
        os.environ["GLM47_TUI_HOME"] = str(folder / "home")
        options = (f"Subsystem sftp {sftp_server()}",)
        with Sshd(folder / "sshd", options=options) as server:
            seconds = measure(server, folder, size, rounds)
    print(f"{'':12}{'s':>8}{'MiB/s':>8}{'of sftp':>9}{'aim':>6}")
    for name, all_ in seconds.items():
        best = min(all_)
        theirs = min(seconds[name.split(",")[0] + ", sftp"])
        ratio = "" if name.endswith("sftp") else f"{theirs / best:9.2f}{AIM:6.2f}"
        print(f"{name:12}{best:8.2f}{size / best:8.0f}{ratio}")
    return 0


def in_memory(size: int) -> str | None:
    """Folder in memory with room for the copies, None when there is none."""
    shm = Path("/dev/shm")  # noqa: S108
    if shm.is_dir() and shutil.disk_usage(shm).free > 4 * size * 1024 * 1024:
        return str(shm)
    return None


def sftp_server() -> str:
    """sshd's own sftp-server, in a process of its own as distributions set it up."""
    for path in ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server"):
        if Path(path).is_file():
            return path
    return "internal-sftp"


if __name__ == "__main__":
    sys.exit(main())
