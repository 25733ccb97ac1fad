"""A whole lab: up, down, its state, its profile."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab.kit import host as hosts
from tests.lab.kit import net
from tests.lab.kit.layout import (
    BOOTED,
    CONTAINER,
    FILES,
    HOSTS,
    IMAGE,
    MODEL_PATH,
    NETNS,
    NODES,
    Host,
    Layout,
    cache_dir,
    host,
)
from tests.lab.kit.prepare import locked

CGROUPS = Path("/sys/fs/cgroup")
LISTENS = "ss -Hltn 'sport = :22' | grep -q ."


@dataclass(frozen=True)
class Lab:
    """Two nodes, a jump host and the desk where the tool runs."""

    layout: Layout

    @property
    def profile(self) -> Path:
        """A profile that deploys to this lab."""
        return self.layout.run / "profile.toml"

    @property
    def password(self) -> str:
        """Password of the ordinary user, for login and for sudo."""
        return (self.layout.keys / "password").read_text().strip()

    def clear(self) -> None:
        """Leave nothing of the product on the nodes: no container, no file."""
        for node in NODES:
            self.run(node.name, "docker rm -f $(docker ps -aq); rm -rf /opt/data/glm47-tui; true",
                     timeout=120)  # fmt: skip

    def run(self, name: str, command: str, **more: object) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a host by name, past sshd."""
        return hosts.run(self.layout, host(name), command, **more)  # type: ignore[arg-type]

    def desk(self) -> list[str]:
        """Words that run a command where the tool's machine stands: it reaches the jump alone."""
        return hosts.inside(self.layout, host("desk"))

    def up(self, say: Callable[[str], None] = print) -> None:
        """Bring the lab up; what a killed run left is taken away first. Takes a few seconds."""
        with locked(f"lab-{self.layout.name}"):
            self._down()
            began = time.monotonic()
            self._keys()
            net.make(self.layout)
            password_hash = _crypt(self.password)
            for item in BOOTED:
                hosts.lay_out(
                    self.layout, item, password_hash=password_hash,
                    authorized=(self.layout.keys / "id_ed25519.pub").read_text(),
                )  # fmt: skip
            self._know_hosts()
            self.profile.write_text(profile_text(self.layout))
            with ThreadPoolExecutor(len(BOOTED)) as pool:
                list(pool.map(self.boot, BOOTED))
            say(f"the lab {self.layout.name} is up after {time.monotonic() - began:.1f} s")

    def _keys(self) -> None:
        self.layout.run.mkdir(parents=True)
        self.layout.keys.mkdir(mode=0o700)
        (self.layout.keys / "password").write_text(secrets.token_urlsafe(12) + "\n")
        for name in ("id_ed25519",):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f",
                 str(self.layout.keys / name)],
                check=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def _know_hosts(self) -> None:
        lines = []
        for item in BOOTED:
            key = self.layout.host_dir(item.name) / "etc/ssh/lab_host_ed25519.pub"
            kind, blob = key.read_text().split()[:2]
            lines.append(f"{item.ip} {kind} {blob}")
        (self.layout.keys / "known_hosts").write_text("\n".join(lines) + "\n")

    def _plug(self, item: Host, *, up: bool) -> None:
        for index in range(len(item.nics)):
            net.plug(self.layout, item.name, index, up=up)

    def boot(self, item: Host) -> None:
        """Start one host and wait until its sshd, and on a node dockerd with the image, answer."""
        self._plug(item, up=True)
        hosts.boot(self.layout, item)
        where = self.layout.host_dir(item.name)
        try:
            hosts.wait_for(f"{item.name}: sshd", lambda: self._answers(item, LISTENS))
            if item.role == "node":
                hosts.wait_for(
                    f"{item.name}: dockerd", lambda: self._answers(item, "docker version")
                )
                self.load_image(item)
        except RuntimeError as error:
            tail = ""
            for name in ("boot.log", "var/log/dockerd.log", "var/log/sshd.log"):
                if (where / name).exists():
                    tail += f"\n--- {name}\n" + (where / name).read_text()[-1500:]
            raise RuntimeError(f"{error}{tail}") from None

    def _answers(self, item: Host, command: str) -> bool:
        if hosts.init_pid(self.layout, item) is None:
            return False
        return hosts.run(self.layout, item, command, check=False).returncode == 0

    def load_image(self, item: Host) -> None:
        """Give a node's Docker the image, if it does not have it."""
        if self._answers(item, f"docker image inspect {IMAGE}"):
            return
        with (cache_dir() / "image.tar").open("rb") as tar:
            subprocess.run(
                [*hosts.inside(self.layout, item), "docker", "load", "--quiet"],
                stdin=tar, check=True, capture_output=True,
            )  # fmt: skip

    def sshd(self, name: str, *settings: str) -> None:
        """Give a host's sshd these settings besides its own (none: its own alone)."""
        config = self.layout.host_dir(name) / "etc/ssh/lab_sshd_config"
        own = (FILES / "lab_sshd_config").read_text()
        # The first value of a keyword counts.
        config.write_text("".join(f"{line}\n" for line in settings) + own)
        self.run(name, "sshd -t -f /etc/ssh/lab_sshd_config && kill -HUP $(cat /run/sshd.pid)")
        hosts.wait_for(f"{name}: sshd", lambda: self._answers(host(name), LISTENS))

    def kill(self, name: str) -> None:
        """A host loses its power: nobody is told, and nothing answers in its place."""
        self._plug(host(name), up=False)
        if alive := hosts.kill(self.layout.netns(name)):
            raise RuntimeError(f"{name}: processes do not end: {alive}")

    def down(self, say: Callable[[str], None] = print) -> list[str]:
        """Take the lab away; returns what is left (nothing)."""
        with locked(f"lab-{self.layout.name}"):
            left = self._down()
            say(f"the lab {self.layout.name} is gone" if not left else "left: " + "; ".join(left))
            return left

    def _down(self) -> list[str]:
        left: list[str] = []
        for name in self.layout.all_netns:
            left += [f"process {pid} in {name} does not end" for pid in hosts.kill(name)]
        left += net.remove(self.layout)
        left += self._drop_cgroups()
        shutil.rmtree(self.layout.run, ignore_errors=True)
        if self.layout.run.exists():
            left.append(f"{self.layout.run} cannot be removed")
        return left

    def _cgroups(self) -> list[Path]:
        name = self.layout.cgroup
        return [p for p in (*CGROUPS.glob(f"*/{name}"), CGROUPS / name) if p.exists()]

    def _drop_cgroups(self) -> list[str]:
        # A killed process with gigabytes takes a moment to leave its group.
        end = time.monotonic() + 20
        while tops := self._cgroups():
            for top in tops:
                for folder in sorted(top.glob("**/"), key=lambda p: -len(p.parts)):
                    with suppress(OSError):
                        folder.rmdir()
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        return [f"cgroup {top}" for top in tops]

    def leftovers(self) -> list[str]:
        """All of this lab that is there now: processes, namespaces, cgroups, mounts, files."""
        found = [f"network namespace {n}" for n in self.layout.all_netns if (NETNS / n).exists()]
        for name in self.layout.all_netns:
            found += [f"process {pid} in {name}" for pid in net.pids(name)]
        found += [f"cgroup {p}" for p in self._cgroups()]
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        found += [f"mount {m.split()[4]}" for m in mounts if str(self.layout.run) in m]
        if self.layout.run.exists():
            found.append(f"folder {self.layout.run}")
        return found

    def status(self) -> dict[str, str]:
        """One line for each host."""
        lines = {}
        for item in HOSTS:
            if not (NETNS / self.layout.netns(item.name)).exists():
                lines[item.name] = "down"
            elif item.role == "desk":
                lines[item.name] = "up"
            elif (pid := hosts.init_pid(self.layout, item)) is None:
                lines[item.name] = "not running"
            else:
                lines[item.name] = f"up, {' '.join(n.cidr for n in item.nics)}, pid {pid}"
        return lines


def profile_text(layout: Layout) -> str:
    """The profile for the lab: the guide's values."""
    nodes = "".join(
        f'[[nodes]]\nhost = "{n.ip}"\nnic = "{n.nics[0].name}"\nip = "{n.ip}"\n' for n in NODES
    )
    return f"""schema = 1
name = "lab-pair"
[model]
repo = "ZhipuAI/GLM-4.7"
path = "{MODEL_PATH}"
[container]
name = "{CONTAINER}"
image = "{IMAGE}"
[ssh]
user = "root"
identity = "{layout.keys}/id_ed25519"
jump = "root@{host("jump").ip}:22"
known_hosts = "{layout.keys}/known_hosts"
[verify]
level = "full"
{nodes}"""


def _crypt(password: str) -> str:
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password,
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"openssl passwd: {done.stderr.strip()}")
    return done.stdout.strip()
