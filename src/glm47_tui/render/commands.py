"""The exact commands of the job, for people: what an engineer would type on a node."""

from __future__ import annotations

from dataclasses import dataclass

from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.render.launch import job_name, selftest_args


@dataclass(frozen=True)
class Command:
    """One thing to do on a node's host: ``stage`` it belongs to, why, and the shell line."""

    stage: str
    what: Msg
    text: str


def commands(profile: Profile, index: int) -> tuple[Command, ...]:
    """Return the commands for one node in their order; those of the container go through exec."""
    name, image = profile.container.name, profile.container.image
    base, inside = profile.base_dir, profile.base_dir_inside
    model = profile.inside(profile.model_path(index))
    run = f"docker exec {name}"
    out = [
        Command("image", Msg.of("render.do.pull"), f"docker pull {image}"),
        Command(
            "container",
            Msg.of("render.do.run"),
            f"bash {base}/scripts/docker_run.sh {name} {image}",
        ),
        Command(
            "model",
            Msg.of("render.do.download"),
            f"docker exec -it {name} python3 {inside}/scripts/modelscope_glm_47.py",
        ),
    ]
    if profile.launch.parsers == "patch":
        for verb in ("state", "dry-run", "apply"):
            line = f"{run} bash {inside}/scripts/patches.sh {verb}"
            out.append(Command("patches", Msg.of(f"render.do.patch.{verb}"), line))
    args = selftest_args(profile)
    if profile.launch.parsers == "plugin":
        args += f" --plugins {inside}/patches"
    out.append(
        Command(
            "patches",
            Msg.of("render.do.selftest"),
            f"{run} python3 {inside}/scripts/selftest.py --model {model}{args}",
        )
    )
    log = f"{base}/logs/{job_name(index)}_log.txt"
    start = f"{run} bash {inside}/scripts/detach.sh start {job_name(index)} by-hand"
    out += [
        Command(
            "launch",
            Msg.of("render.do.launch"),
            f"{start} bash {inside}/scripts/{job_name(index)}.sh",
        ),
        Command("launch", Msg.of("render.do.follow"), f"tail -F {log}"),
    ]
    if index == 0:
        out.append(Command("verify", Msg.of("render.do.verify"), "bash verify/request.sh"))
    return tuple(out)
