"""The exact commands of the job, for people: what an engineer would type, and in which order."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile, SshSpec
from glm47_tui.profile.fields import split_jump
from glm47_tui.render.files import Rendered
from glm47_tui.render.launch import job_name, selftest_args


@dataclass(frozen=True)
class Command:
    """One thing to do.

    ``id`` names it, ``stage`` is the deployment's stage it belongs to, ``what`` says it in words,
    ``text`` is the shell line (several for more than one), ``where`` tells on which machine: this
    one (``here``), or the node's host.
    """

    id: str
    stage: str
    text: str
    where: Literal["here", "node"] = "node"

    @property
    def what(self) -> Msg:
        """The purpose in words."""
        return Msg.of(f"render.do.{self.id}")


def commands(profile: Profile, index: int) -> tuple[Command, ...]:
    """Return all commands for one node in their order; those of the container go through exec."""
    name, image = profile.container.name, profile.container.image
    base, inside, job = profile.base_dir, profile.base_dir_inside, job_name(index)
    run = f"docker exec {name}"
    download = f"docker exec -it {name} python3 {inside}/scripts/modelscope_glm_47.py"
    out = [
        Command("copy", "files", copy_lines(profile, index), "here"),
        Command("pull", "image", f"docker pull {image}"),
        Command("run", "container", f"bash {base}/scripts/docker_run.sh {name} {image}"),
        Command("download", "model", download),
    ]
    if profile.launch.parsers == "patch":
        tool = f"{run} bash {inside}/scripts/patches.sh"
        out += [
            Command("look", "patches", f"{tool} state"),
            Command("try", "patches", f"{tool} dry-run"),
            Command("patch", "patches", f"{tool} apply"),
        ]
    out.append(Command("selftest", "patches", f"{run} {selftest(profile, index)}"))
    detach = f"{run} bash {inside}/scripts/detach.sh"
    launch = f"{detach} start {job} by-hand bash {inside}/scripts/{job}.sh"
    out.append(Command("launch", "launch", launch))
    if index == 0 and len(profile.nodes) > 1:
        out.append(Command("wait", "launch", _wait(profile)))
    out.append(Command("follow", "ready", f"tail -F {base}/logs/{job}_log.txt"))
    if index == 0:
        out.append(Command("verify", "verify", f"bash {base}/scripts/verify_request.sh"))
    return tuple(out)


def undo_commands(profile: Profile, index: int) -> tuple[Command, ...]:
    """Return the commands that stop a node's engine and take everything back, in their order."""
    name, base, inside = profile.container.name, profile.base_dir, profile.base_dir_inside
    scripts = f"docker exec {name} bash {inside}/scripts"
    out = [Command("stop", "launch", f"{scripts}/detach.sh stop {job_name(index)} 30")]
    if profile.launch.parsers == "patch":
        out.append(Command("revert", "patches", f"{scripts}/patches.sh revert"))
    out += [
        Command("remove", "container", f"docker rm -f {name}"),
        Command("clean", "files", f"rm -rf {base}"),
    ]
    return tuple(out)


def selftest(profile: Profile, index: int) -> str:
    """The self-test's command line inside the container."""
    model = profile.inside(profile.model_path(index))
    args = selftest_args(profile)
    if profile.launch.parsers == "plugin":
        args += f" --plugins {profile.base_dir_inside}/patches"
    return f"python3 {profile.base_dir_inside}/scripts/selftest.py --model {model}{args}"


def _wait(profile: Profile) -> str:
    port = profile.launch.rpc_port
    return f"until ss -ltn | grep -q ':{port} '; do sleep 1; done"


def copy_lines(profile: Profile, index: int, rendered: Rendered | None = None) -> str:
    """Lines that bring the folder written by ``write`` to a node, run inside that folder."""
    ssh = profile.node_ssh(index)
    host = profile.nodes[index].host
    options = _login_options(ssh)
    port = [str(ssh.port)] if ssh.port != 22 else []
    target = f"{ssh.user}@{host}"
    copy = f"{ssh.user}@[{host}]" if ":" in host else target
    login = ["ssh", *options, *(["-p", *port] if port else []), target]
    copier = ["scp", "-r", *options, *(["-P", *port] if port else [])]
    base = profile.base_dir
    lines = [
        f"{_words(login)} mkdir -p {base}",
        f"{_words(copier)} scripts patches {copy}:{base}/",
    ]
    if rendered is not None and any(
        rendered.export_path(f).startswith(f"node{index}/") for f in rendered.files
    ):
        lines.append(f"{_words(copier)} node{index}/. {copy}:{base}/")
    return "\n".join(lines)


def _login_options(ssh: SshSpec) -> list[str]:
    """Options of ssh and scp for key, known hosts and jump host.

    ``-J`` would not take the key to the jump host: there a ProxyCommand says it all.
    """
    own = ["-i", ssh.identity] if ssh.identity else []
    if ssh.known_hosts:
        own += ["-o", f"UserKnownHostsFile={ssh.known_hosts}"]
    if not ssh.jump:
        return own
    if not own:
        return ["-J", ssh.jump]
    user, host, port = split_jump(ssh.jump)
    to = f"{user}@{host}" if user else host
    through = f"ssh {_words([*own, '-p', str(port)])} -W '[%h]:%p' {to}"
    return [*own, "-o", f"ProxyCommand={through}"]


def _words(words: list[str]) -> str:
    """Join words for a shell; a leading ``~/`` stays, so that the shell expands it."""
    return " ".join(
        "~/" + shlex.quote(w[2:]) if w.startswith("~/") else shlex.quote(w) for w in words
    )
