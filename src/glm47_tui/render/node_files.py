"""The files of one node, from a profile. Pure: reads assets, nothing else."""

from __future__ import annotations

import posixpath

from glm47_tui import assets
from glm47_tui.profile import Profile
from glm47_tui.render.files import DeployedFile, RenderedFile
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
_DOWNLOAD = "scripts/modelscope_glm_47.py"
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


def docker_run_file(profile: Profile) -> RenderedFile:
    """``scripts/docker_run.sh``, the same on all nodes."""
    return RenderedFile("scripts/docker_run.sh", docker_run(profile), None, 0o755, "script")


def launch_file(profile: Profile, index: int) -> RenderedFile:
    """One node's ``scripts/glm_47_infer_node<i>.sh``."""
    path = f"scripts/{job_name(index)}.sh"
    return RenderedFile(path, launch_script(profile, index), index, 0o755, "launch")


def download_file(profile: Profile, index: int) -> RenderedFile:
    """``scripts/modelscope_glm_47.py`` as one node needs it."""
    return RenderedFile(_DOWNLOAD, modelscope_script(profile, index), index, 0o644, "download")


def common_files(profile: Profile) -> list[RenderedFile]:
    """What all nodes get alike: patches, helpers in the container, the request."""
    files = [
        RenderedFile(f"patches/{name}", assets.text("patches", name), None, 0o644, "patch")
        for name in PATCH_FILES
    ]
    for name in CONTAINER_FILES:
        text = assets.text("scripts", "container", name)
        files.append(RenderedFile(f"scripts/{name}", text, None, 0o755, "container"))
    request = [
        ("scripts/verify_request.json", request_json(profile), 0o644),
        ("scripts/verify_request.sh", request_script(profile), 0o755),
    ]
    files += [RenderedFile(path, text, None, mode, "request") for path, text, mode in request]
    return files


def deployed_files(profile: Profile, index: int) -> tuple[DeployedFile, ...]:
    """What the files step lays on a node, with absolute host paths."""
    files = (
        docker_run_file(profile),
        launch_file(profile, index),
        download_file(profile, index),
        *common_files(profile),
    )
    return tuple(
        DeployedFile(posixpath.join(profile.base_dir, f.path), f.data, f.mode, f.sha256)
        for f in files
    )
