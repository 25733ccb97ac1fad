"""The scripts of the deployment's steps: one template a step, sent to ``bash -s -- VERB``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glm47_tui import assets
from glm47_tui.profile import Profile
from glm47_tui.render.container import inspect_format, wanted_lines
from glm47_tui.render.launch import job_name, selftest_args
from glm47_tui.render.node_files import deployed_files, download_file, launch_file
from glm47_tui.render.templates import fill


def step_ids() -> tuple[str, ...]:
    """Ids of all steps that have a script, sorted."""
    files = assets.path("scripts", "steps").glob("[!_]*.sh.j2")
    return tuple(sorted(f.name.removesuffix(".sh.j2") for f in files))


def step_script(profile: Profile, index: int, step_id: str) -> str:
    """Return the script of one step for one node; KeyError when there is no such step."""
    if step_id not in step_ids():
        raise KeyError(step_id)
    values = _common(profile, index)
    if step_id in _MORE:
        values |= _MORE[step_id](profile, index)
    return fill(f"steps/{step_id}.sh.j2", values)


def _common(profile: Profile, index: int) -> dict[str, Any]:
    return {
        "node": index,
        "profile": profile.name,
        "container": profile.container.name,
        "image": profile.container.image,
        "data_mount": profile.container.data_mount,
        "base": profile.base_dir,
        "inside": profile.base_dir_inside,
    }


def _container(profile: Profile, index: int) -> dict[str, Any]:
    del index
    return {
        "wanted": wanted_lines(profile),
        "inspect_format": inspect_format(profile),
        "detached": profile.improvements.detached,
    }


def _files(profile: Profile, index: int) -> dict[str, Any]:
    return {"files": deployed_files(profile, index)}


def _launch(profile: Profile, index: int) -> dict[str, Any]:
    job = job_name(index)
    return {
        "job": job,
        "sha": launch_file(profile, index).sha256,
        "rpc_port": profile.launch.rpc_port,
    }


def _model(profile: Profile, index: int) -> dict[str, Any]:
    path = profile.model_path(index)
    return {"model": path, "sha": download_file(profile, index).sha256}


def _patches(profile: Profile, index: int) -> dict[str, Any]:
    path = profile.inside(profile.model_path(index))
    return {
        "model_inside": path,
        "parsers": profile.launch.parsers,
        "selftest_args": selftest_args(profile),
    }


_More = Callable[[Profile, int], dict[str, Any]]
_MORE: dict[str, _More] = {
    "container": _container,
    "files": _files,
    "launch": _launch,
    "model": _model,
    "patches": _patches,
}
