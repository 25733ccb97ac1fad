"""Through the tool's SSH room against OpenSSH on the same server, in turns, in one run.

Large files against sftp with the same cipher (``GLM47_BENCH_MIB``, 512 by default; in /dev/shm
where there is room, so that no disk decides), and a small script over a warm connection against
``ssh`` with ControlMaster.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bench.common import Row, in_turn, skipped
from glm47_tui import remote
from glm47_tui.profile.store import loads
from glm47_tui.remote.api import Connection, HostKey
from tests.support.sshd import Sshd, why_not

CIPHER = "aes128-gcm@openssh.com"
AIM = 0.9
ROUNDS = 3
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
SCRIPT = "main() {\n  uname -a\n  cat /proc/meminfo\n}\nmain\n"


class Trusting(remote.Nobody):
    """The server is our own."""

    def host_key(self, key: HostKey) -> Literal["once", "save", "refuse"]:
        """Accept."""
        del key
        return "once"


def rows() -> list[Row]:
    """Up, down, and a script's round trip."""
    size = int(os.environ.get("GLM47_BENCH_MIB", "512"))
    reason = why_not()
    if reason:
        return [skipped(f"file up and down, {size} MiB", f">= {AIM} x sftp", reason)]
    with tempfile.TemporaryDirectory(dir=_in_memory(size)) as name, _server(Path(name)) as both:
        server, node = both
        found = _copies(server, node, Path(name), size)
        return [*found, _round_trip(server, node, Path(name))]


@contextmanager
def _server(folder: Path) -> Iterator[tuple[Sshd, Connection]]:
    os.environ["GLM47_TUI_HOME"] = str(folder / "home")
    with Sshd(folder / "sshd", options=(f"Subsystem sftp {_sftp_server()}",)) as server:
        text = PROFILE.format(user=server.user, port=server.port, key=server.login_key)
        node = remote.connect_one(loads(text), 0, Trusting())
        try:
            yield server, node
        finally:
            node.close()


def _copies(server: Sshd, node: Connection, folder: Path, size: int) -> list[Row]:
    source = folder / "source"
    with source.open("wb") as out:
        for _ in range(size):
            out.write(os.urandom(1024 * 1024))
    ways: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "up": (
            lambda: node.send_file(str(source), str(folder / "copy")),
            lambda: _sftp(server, f"put {source} {folder}/copy\n"),
        ),
        "down": (
            lambda: node.fetch_file(str(source), str(folder / "copy")),
            lambda: _sftp(server, f"get {source} {folder}/copy\n"),
        ),
    }
    out: list[Row] = []
    for name, (ours, theirs) in ways.items():
        took, other = in_turn(
            lambda way=ours: _timed(way), lambda way=theirs: _timed(way), runs=ROUNDS
        )
        ratio = other / took
        note = f"{size / took:.0f} MiB/s against {size / other:.0f} MiB/s, {CIPHER}"
        out.append(
            Row(
                f"file {name}, {size} MiB", f"{ratio:.2f} x sftp", f">= {AIM} x", ratio >= AIM, note
            )
        )
    return out


def _round_trip(server: Sshd, node: Connection, folder: Path) -> Row:
    """What a script costs over a connection that is up."""
    ssh = [
        "ssh", "-q", "-i", str(server.login_key), "-p", str(server.port),
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", "ControlMaster=auto", "-o", f"ControlPath={folder}/cm", "-o", "ControlPersist=60",
        f"{server.user}@127.0.0.1",
    ]  # fmt: skip

    def theirs() -> None:
        subprocess.run([*ssh, "bash -s --"], input=SCRIPT.encode(), check=True, capture_output=True)

    try:
        took, other = in_turn(
            lambda: _timed(lambda: node.run(SCRIPT, timeout=60)), lambda: _timed(theirs), runs=15
        )
    finally:
        subprocess.run([*ssh[:-1], "-O", "exit", ssh[-1]], check=False, capture_output=True)
    ratio = took / other
    note = f"{took * 1000:.1f} ms against {other * 1000:.1f} ms"
    return Row(
        "a script over a warm connection", f"{ratio:.2f} x ssh with ControlMaster", "< 1.30 x",
        ratio < 1.3, note,
    )  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sftp(server: Sshd, batch: str) -> None:
    subprocess.run(
        [
            "sftp", "-q", "-b", "-", "-c", CIPHER, "-i", str(server.login_key),
            "-P", str(server.port), "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", f"{server.user}@127.0.0.1",
        ],
        input=batch.encode(), check=True, capture_output=True,
    )  # fmt: skip


def _in_memory(size: int) -> str | None:
    shm = Path("/dev/shm")  # noqa: S108
    if shm.is_dir() and shutil.disk_usage(shm).free > 4 * size * 1024 * 1024:
        return str(shm)
    return None


def _sftp_server() -> str:
    """sshd's own sftp-server, in a process of its own as distributions set it up."""
    for path in ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server"):
        if Path(path).is_file():
            return path
    return "internal-sftp"
