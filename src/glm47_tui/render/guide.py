"""The guide's own files with this profile's addresses, and how ours differ from them.

The guide speaks of two hosts and its own settings: that is what comes out here, whatever the
profile says; names, addresses and paths alone are the profile's. A third node's original is the
second's.
"""

from __future__ import annotations

import difflib
import posixpath

from glm47_tui.profile import ContainerSpec, ImprovementsSpec, LaunchSpec, Profile
from glm47_tui.render.launch import job_name, launch_script
from glm47_tui.render.node_files import deployed_files, docker_run
from glm47_tui.render.templates import fill

_AS_PRINTED = ImprovementsSpec(shm_size=False, detached=False, drop_dead=False)


def _as_guide(profile: Profile, index: int) -> Profile:
    """The profile as the guide has it: two hosts, its settings; names and addresses stay."""
    other = profile.nodes[index] if index else profile.nodes[-1]
    container = ContainerSpec(
        data_mount=profile.container.data_mount,
        data_mount_inside=profile.container.data_mount_inside,
    )
    return profile.model_copy(
        update={
            "model": profile.model.model_copy(update={"served_name": "glm47"}),
            "container": container,
            "launch": LaunchSpec(),
            "improvements": _AS_PRINTED,
            "nodes": (profile.head, other),
        }
    )


def guide_original(profile: Profile, index: int, path: str) -> str | None:
    """Text of a file as the guide prints it, with this node's addresses; None: not in the guide."""
    guide = _as_guide(profile, index)
    if path == "scripts/docker_run.sh":
        return docker_run(guide)
    if path == f"scripts/{job_name(index)}.sh":
        return launch_script(guide, min(index, 1))
    if path == "scripts/modelscope_glm_47.py":
        local = profile.model_path(index)
        values = {
            "repo": profile.model.repo,
            "local_dir": local,
            "cache_dir": posixpath.join(posixpath.dirname(local), ".cache"),
        }
        return fill("guide/modelscope_glm_47.py.j2", values)
    return None


def guide_diff(profile: Profile, index: int, path: str) -> str:
    """Unified diff from the guide's file to ours; empty when equal or not in the guide."""
    original = guide_original(profile, index, path)
    if original is None:
        return ""
    place = posixpath.join(profile.base_dir, path)
    ours = next(f for f in deployed_files(profile, index) if f.path == place).data.decode()
    lines = difflib.unified_diff(
        original.splitlines(), ours.splitlines(), f"guide/{path}", path, lineterm="", n=1
    )
    return "\n".join(lines)


diff_guide = guide_diff
