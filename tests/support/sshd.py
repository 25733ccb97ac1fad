"""A real OpenSSH server on loopback, for tests and benchmarks.

``with Sshd(folder) as server`` starts one with host keys, a login key and a configuration of its
own in ``folder``; it works without root (for the own user) and leaves nothing behind. As root,
``users`` gives it accounts with passwords that exist for this server alone: a private /etc in a
mount namespace of its own. ``why_not()`` says why it cannot run here.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
_START_LIMIT_S = 20.0


def why_not() -> str | None:
    """Reason why no sshd can be started here, None when it can."""
    if not Path(SSHD).is_file():
        return "no sshd here (package openssh-server)"
    if shutil.which("ssh-keygen") is None:
        return "no ssh-keygen here"
    return None


def why_no_users() -> str | None:
    """Reason why no accounts can be made for a server, None when they can."""
    if os.geteuid() != 0:
        return "accounts need root"
    for tool in ("unshare", "openssl", "mount"):
        if shutil.which(tool) is None:
            return f"no {tool} here"
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "no mount namespaces here"


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "", comment: str = "test") -> Path:
    """Make a key pair and return the private file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", comment, "-f", str(path)]
    if passphrase:
        command += ["-a", "1"]  # rounds: tests need no strength
    if kind == "rsa":
        command += ["-b", "2048"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return path


def fingerprint(key: Path) -> str:
    """Return ``SHA256:...`` of a key file as ssh-keygen says it."""
    public = key if key.suffix == ".pub" else key.with_name(key.name + ".pub")
    command = ["ssh-keygen", "-l", "-f", str(public)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]


def descendants(pid: int) -> list[int]:
    """Process ids below a process, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    out: list[int] = []
    todo = [pid]
    while todo:
        found = children.get(todo.pop(), [])
        out += found
        todo += found
    return out


@dataclass
class Account:
    """A user that exists for one server only. ``sudo``: a rule of sudoers(5) after the name."""

    password: str
    sudo: str | None = None
    shell: str = "/bin/bash"


@dataclass
class Sshd:
    """A running sshd. ``options`` are lines of sshd_config put in front of the usual ones."""

    folder: Path
    options: tuple[str, ...] = ()
    host_keys: tuple[str, ...] = ("ed25519",)
    users: Mapping[str, Account] = field(default_factory=dict)
    sudoers: tuple[str, ...] = ()
    port: int = 0
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.user = getpass.getuser()
        self.log: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._listening = threading.Event()
        self.login_key = self.folder / "login_key"
        if not self.login_key.exists():
            keygen(self.login_key)
        self.authorized = self.folder / "authorized_keys"
        self.authorize(self.login_key)

    def authorize(self, key: Path) -> None:
        """Let a key in."""
        with self.authorized.open("a") as out:
            out.write(key.with_name(key.name + ".pub").read_text())

    def host_key(self, kind: str = "ed25519") -> Path:
        """File of a host key."""
        return self.folder / f"host_{kind}"

    def known_hosts_line(self, kind: str = "ed25519") -> str:
        """Line for a known_hosts file."""
        public = self.host_key(kind).with_suffix(".pub").read_text().split()
        return f"[{self.address}]:{self.port} {public[0]} {public[1]}\n"

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start listening; the port stays the same after the first time."""
        if not self.port:
            self.port = free_port(self.address)
        for kind in self.host_keys:
            if not self.host_key(kind).exists():
                keygen(self.host_key(kind), kind)
        config = self.folder / "sshd_config"
        config.write_text("\n".join(self._config()) + "\n")
        command = [SSHD, "-D", "-e", "-f", str(config)]
        if self.users:
            command = self._with_users(command)
        elif os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        if shutil.which("setpriv"):  # a killed test leaves no server behind
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        self._listening.clear()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read_log, args=(self._process,), daemon=True).start()
        if not self._listening.wait(_START_LIMIT_S):
            self.stop()
            raise RuntimeError("sshd did not start: " + " | ".join(self.log[-5:]))

    def _config(self) -> list[str]:
        return [
            *self.options,
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            *(f"HostKey {self.host_key(kind)}" for kind in self.host_keys),
            f"AuthorizedKeysFile {self._inside}/{self.authorized.name}",
            f"PidFile {self.folder / 'sshd.pid'}",
            "PermitRootLogin yes",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication yes",
            "KbdInteractiveAuthentication no",
            "AllowTcpForwarding yes",
            "LogLevel VERBOSE",
            # Where bash is built to read ~/.bashrc under sshd, this keeps it from doing so: what
            # stands there (version managers with locks) is none of a test's business.
            "SetEnv SHLVL=2",
        ]

    @property
    def _inside(self) -> str:
        """The folder as sessions see it: accounts cannot walk through pytest's private folders."""
        return "/run/test" if self.users else str(self.folder)

    def _with_users(self, command: list[str]) -> list[str]:
        """The same command in a mount namespace where /etc is a copy with the accounts in it."""
        etc = self.folder / "etc"
        shutil.rmtree(etc, ignore_errors=True)
        subprocess.run(["cp", "-a", "/etc", str(etc)], check=True)
        rules = [*self.sudoers]
        for number, (name, account) in enumerate(self.users.items(), 4200):
            home = self.folder / "home" / name
            home.mkdir(parents=True, exist_ok=True)
            os.chown(home, number, number)
            hashed = subprocess.run(
                ["openssl", "passwd", "-6", "-stdin"], input=account.password, check=True,
                capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip
            _append(
                etc / "passwd", f"{name}:x:{number}:{number}::/run/test/home/{name}:{account.shell}"
            )
            _append(etc / "group", f"{name}:x:{number}:")
            _append(etc / "shadow", f"{name}:{hashed}:19000:0:99999:7:::")
            if account.sudo:
                rules.append(f"{name} {account.sudo}")
        self.folder.chmod(0o755)
        (self.folder / "home").chmod(0o755)
        self.authorized.chmod(0o644)
        if rules:
            (etc / "sudoers.d").mkdir(exist_ok=True)
            file = etc / "sudoers.d" / "test"
            file.write_text("\n".join(rules) + "\n")
            file.chmod(0o440)
        script = (
            'mount --bind "$1/etc" /etc && mount -t tmpfs -o mode=0755 tmpfs /run && '
            'mkdir -p /run/sshd /run/test && mount --bind "$1" /run/test && shift && exec "$@"'
        )
        wrapped = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
        return [*wrapped, str(self.folder), *command]

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.rstrip())
            if "Server listening on" in line:
                self._listening.set()

    @property
    def pid(self) -> int:
        """Process id of the listener."""
        assert self._process is not None
        return self._process.pid

    def kill_sessions(self) -> None:
        """Kill the processes that serve connections, as a crash would; the listener stays."""
        for pid in descendants(self.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the server with all that runs under it."""
        process = self._process
        if process is None:
            return
        below = descendants(process.pid)
        for pid in [process.pid, *below]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        self._process = None


def _append(file: Path, line: str) -> None:
    with file.open("a") as out:
        out.write(line + "\n")


_given: set[int] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """Return a TCP port nobody listens on at present; never the same one twice."""
    while True:
        with socket.create_server((address, 0)) as probe:
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def wait_until(true: object, seconds: float = 20.0, what: str = "") -> None:
    """Poll a condition (a callable) until it holds; AssertionError after the limit."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= end:
            raise AssertionError(f"did not happen in {seconds} s: {what}")
        time.sleep(0.02)


class AgentProcess:
    """An ssh-agent with some keys: ``with AgentProcess(folder, [key]) as agent``."""

    def __init__(self, folder: Path, keys: list[Path]) -> None:
        self.socket = folder / "agent.sock"
        self._keys = keys
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AgentProcess:
        self._process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(self.socket)], stdout=subprocess.DEVNULL
        )
        wait_until(self.socket.exists, what="ssh-agent")
        for key in self._keys:
            env = {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}
            subprocess.run(["ssh-add", "-q", str(key)], check=True, env=env, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
