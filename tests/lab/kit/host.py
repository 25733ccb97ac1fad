"""One lab host: its files, its first process, commands in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.lab.kit import net
from tests.lab.kit.layout import (
    DATA_DIR,
    FILES,
    MODEL_PATH,
    NETNS,
    OPS_USER,
    VENV_INSIDE,
    Host,
    Layout,
    cache_dir,
)

_VERSION_INFO = """Version=25.2.1
ascendhal_version=7.35.23
aicpu_version=1.0
tdt_version=1.0
log_version=1.0
prof_version=2.0
dvppkernels_version=1.1
tsfw_version=1.0
Innerversion=V100R001C21SPC002B212
compatible_version=[V100R001C19],[V100R001C20],[V100R001C21],[V100R001C22]
compatible_version_fw=[7.0.0,8.9.9]
package_version=25.2.1
"""
_FIRMWARE_INFO = """Version=7.7.0.6.236
firmware_version=1.0
package_version=25.2.1
compatible_version_drv=[25.2.1,25.2.1.]
"""
_INSTALL_INFO = """UserName=HwHiAiUser
UserGroup=HwHiAiUser
Driver_Install_Type=full
Driver_Install_Path_Param=/usr/local/Ascend
Driver_Install_For_All=yes
Driver_Install_Mode=normal
Firmware_Install_Type=full
Firmware_Install_Path_Param=/usr/local/Ascend
"""


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _accounts(etc: Path, password_hash: str) -> None:
    """This machine's accounts with an ordinary user more, who may sudo with a password."""
    for name, line in (
        ("passwd", f"{OPS_USER}:x:4711:4711:ops:/home/{OPS_USER}:/bin/bash"),
        ("group", f"{OPS_USER}:x:4711:"),
        ("shadow", f"{OPS_USER}:{password_hash}:19000:0:99999:7:::"),
    ):
        text = Path("/etc", name).read_text()
        kept = [old for old in text.splitlines() if not old.startswith(f"{OPS_USER}:")]
        _write(etc / name, "\n".join([*kept, line]) + "\n", 0o640 if name == "shadow" else 0o644)
    # No pam_systemd, no pam_keyinit: a password is all that sudo asks.
    _write(etc / "pam.d/sudo", "auth required pam_unix.so\naccount required pam_permit.so\n"
           "session required pam_permit.so\n")  # fmt: skip
    _write(etc / "sudoers", f"root ALL=(ALL:ALL) ALL\n{OPS_USER} ALL=(ALL:ALL) ALL\n", 0o440)


def _ascend(directory: Path, index: int) -> None:
    """What the driver leaves on a node, and the stand-ins for its tools."""
    local = directory / "usr/local"
    tools = local / "Ascend/driver/tools"
    tools.mkdir(parents=True)
    (local / "bin").mkdir()
    (local / "dcmi").mkdir()
    shutil.copy2(FILES / "npu-smi", local / "bin/npu-smi")
    shutil.copy2(FILES / "hccn_tool", tools / "hccn_tool")
    _write(local / "Ascend/driver/version.info", _VERSION_INFO)
    _write(local / "Ascend/firmware/version.info", _FIRMWARE_INFO)
    _write(directory / "etc/ascend_install.info", _INSTALL_INFO)
    conf = "".join(
        f"address_{n}=10.20.0.{10 + 8 * index + n}\nnetmask_{n}=255.255.255.0\n"
        f"netdetect_{n}=10.20.0.1\ngateway_{n}=10.20.0.1\n"
        for n in range(8)
    )
    _write(directory / "etc/hccn.conf", conf)
    _write(directory / DATA_DIR.lstrip("/") / "lab-hccn.conf", conf)
    (directory / DATA_DIR.lstrip("/") / "driver").mkdir()


def _container_mounts() -> list[dict[str, str]]:
    """What the OCI runtime wrapper adds to every container."""
    base = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/etc/alternatives"]
    base += [d for d in ("/usr/lib64", "/usr/libexec") if Path(d).is_dir()]
    mounts = [{"from": d, "at": d} for d in base]
    return [*mounts, {"from": "/run/lab/venv", "at": VENV_INSIDE}]


def lay_out(layout: Layout, host: Host, *, authorized: str, password_hash: str) -> None:
    """Write the host's own files before it boots."""
    directory = layout.host_dir(host.name)
    directory.mkdir(parents=True)
    etc = directory / "etc"
    _accounts(etc, password_hash)
    _write(etc / "hostname", f"{host.name}\n")
    _write(etc / "resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    _write(etc / "hosts", f"127.0.0.1 localhost\n{host.ip} {host.name}\n")
    _write(etc / "ssh/lab_sshd_config", (FILES / "lab_sshd_config").read_text())
    key = etc / "ssh/lab_host_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", key],
                   check=True, stdin=subprocess.DEVNULL)  # fmt: skip
    for home, owner in (("root", 0), (f"home/{OPS_USER}", 4711)):
        ssh = directory / home / ".ssh"
        ssh.mkdir(parents=True)
        _write(ssh / "authorized_keys", authorized, 0o600)
        ssh.chmod(0o700)
        for path in (ssh.parent, ssh, ssh / "authorized_keys"):
            os.chown(path, owner, owner)
    (directory / "var/run").mkdir(parents=True)
    (directory / "var/lib/docker").mkdir(parents=True)
    # A copy: bash reads a script as it goes, and the checkout may change under a running lab.
    shutil.copy2(FILES / "boot.sh", directory / "boot.sh")
    if host.role == "node":
        _ascend(directory, int(host.name.removeprefix("node")))
        model = directory / MODEL_PATH.lstrip("/")
        model.parent.mkdir(parents=True)
        shutil.copytree(cache_dir() / "model", model)
        _write(directory / "mounts.json", json.dumps(_container_mounts()))
        shutil.copy2(FILES / "runc-lab", directory / "runc-lab")


def boot(layout: Layout, host: Host) -> None:
    """Start the host's first process; it goes on when this program ends."""
    directory = layout.host_dir(host.name)
    log = (directory / "boot.log").open("ab")
    subprocess.Popen(
        [
            "nsenter", f"--net={NETNS / layout.netns(host.name)}", "unshare", "--mount", "--uts",
            "--ipc", "--pid", "--fork", "--kill-child", "bash", str(directory / "boot.sh"),
            host.name, host.role, str(directory), str(cache_dir()), layout.cgroup,
        ],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
    )  # fmt: skip
    log.close()


def init_pid(layout: Layout, host: Host) -> int | None:
    """This machine's number of the host's first process; None when the host is not running."""
    found: list[tuple[int, int]] = []
    for pid in net.pids(layout.netns(host.name)):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            # NSpid lists the numbers from the outermost namespace in; a container's first process
            # has one more than the host's.
            if line.startswith("NSpid:"):
                numbers = line.split()[1:]
                if numbers[-1] == "1":
                    found.append((len(numbers), pid))
    return min(found)[1] if found else None


def inside(layout: Layout, host: Host) -> list[str]:
    """The words that put a command into a running host."""
    if host.role == "desk":
        return ["nsenter", f"--net={NETNS / layout.netns(host.name)}", "--"]
    pid = init_pid(layout, host)
    if pid is None:
        raise RuntimeError(f"{host.name} is not running")
    return ["nsenter", "--target", str(pid), "--all", "--"]


def run(
    layout: Layout, host: Host, command: str, *, check: bool = True, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a shell command on a host, past sshd. RuntimeError with its output when it fails."""
    done = subprocess.run(
        [*inside(layout, host), "bash", "-c", command], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=timeout, check=False,
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "HOME": "/root", "LANG": "C.UTF-8"},
    )  # fmt: skip
    if check and done.returncode:
        raise RuntimeError(
            f"{host.name}: {command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


def wait_for(what: str, ready: object, limit: float = 30) -> None:
    """Call ``ready`` until it is true; RuntimeError that names ``what`` after ``limit`` seconds."""
    end = time.monotonic() + limit
    while not ready():  # type: ignore[operator]
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not ready after {limit:.0f} s")
        time.sleep(0.05)


def kill(netns: str, limit: float = 30) -> list[int]:
    """Kill all processes of a namespace; returns those that are still there after ``limit``."""
    end = time.monotonic() + limit
    while alive := net.pids(netns):
        if os.getpid() in alive:
            raise RuntimeError("this program runs inside the lab that it is to end")
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            return alive
        time.sleep(0.05)
    return []
