"""From a profile to all files of a deployment. Pure: reads assets, nothing else."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from glm47_tui import assets
from glm47_tui.profile import Profile
from glm47_tui.render.by_hand import readmes
from glm47_tui.render.files import DeployedFile, Rendered, RenderedFile, Role
from glm47_tui.render.launch import job_name, launch_script
from glm47_tui.render.request import request_json, request_script
from glm47_tui.render.templates import fill

PATCH_FILES = (
    "manifest.toml",
    "glm47_moe_tool_parser.py",
    "tool_parsers_init.patch",
    "holo2_reasoning_parser.patch",
    "glm4_moe_reasoning_parser.patch",
    "glm47_tool_parser_plugin.py",
    "glm47_reasoning_parser_plugin.py",
)
CONTAINER_FILES = ("patches.sh", "patches_lib.sh", "apply_patch.py", "detach.sh", "selftest.py")


def docker_run(profile: Profile) -> str:
    """Text of ``docker_run.sh``."""
    container = profile.container
    return fill(
        "docker_run.sh.j2",
        {
            "shm_size": container.shm_size if profile.improvements.shm_size else "",
            "devices": container.devices,
            "data_mount": container.data_mount,
            "data_mount_inside": container.data_mount_inside,
            "detached": profile.improvements.detached,
        },
    )


def modelscope_script(profile: Profile, index: int) -> str:
    """Text of ``modelscope_glm_47.py``: paths as the container sees them, no token."""
    local = profile.inside(profile.model_path(index))
    return fill(
        "modelscope_glm_47.py.j2",
        {
            "repo": profile.model.repo,
            "local_dir": local,
            "cache_dir": posixpath.join(posixpath.dirname(local), ".cache"),
        },
    )


def render(profile: Profile) -> Rendered:
    """Return everything that lands on a node or in the folder for doing it by hand."""
    files = [_file("scripts/docker_run.sh", docker_run(profile), "script", mode=0o755)]
    for i in range(len(profile.nodes)):
        path = f"scripts/{job_name(i)}.sh"
        files.append(_file(path, launch_script(profile, i), "launch", node=i, mode=0o755))
    files += _modelscope(profile)
    files += [_file(f"patches/{n}", assets.text("patches", n), "patch") for n in PATCH_FILES]
    for name in CONTAINER_FILES:
        text = assets.text("scripts", "container", name)
        files.append(_file(f"scripts/{name}", text, "container", mode=0o755))
    files.append(_file("scripts/verify_request.json", request_json(profile), "request"))
    files.append(_file("scripts/verify_request.sh", request_script(profile), "request", mode=0o755))
    rendered = Rendered(profile.name, profile.base_dir, tuple(files))
    return replace(rendered, files=(*readmes(profile, rendered), *files))


def _file(
    path: str, text: str, role: Role, *, node: int | None = None, mode: int = 0o644
) -> RenderedFile:
    return RenderedFile(path, text, node, mode, role)


def _modelscope(profile: Profile) -> list[RenderedFile]:
    path = "scripts/modelscope_glm_47.py"
    texts = [modelscope_script(profile, i) for i in range(len(profile.nodes))]
    if len(set(texts)) == 1:
        return [_file(path, texts[0], "download")]
    return [_file(path, text, "download", node=i) for i, text in enumerate(texts)]


def deployed_files(profile: Profile, index: int) -> tuple[DeployedFile, ...]:
    """What the files step lays on a node, with absolute host paths."""
    return tuple(
        DeployedFile(posixpath.join(profile.base_dir, f.path), f.data, f.mode, f.sha256)
        for f in render(profile).for_node(index)
    )
