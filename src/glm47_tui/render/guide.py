"""The guide's own files with this profile's addresses, and how ours differ from them."""

from __future__ import annotations

import difflib

from glm47_tui.profile import ContainerSpec, ImprovementsSpec, LaunchSpec, Profile
from glm47_tui.render.rendering import render

_FILES = ("scripts/docker_run.sh", "scripts/modelscope_glm_47.py")


def _as_guide(profile: Profile) -> Profile:
    """The profile as the guide has it: its own hosts, model and names, all else the defaults."""
    return profile.model_copy(
        update={
            "launch": LaunchSpec(),
            "improvements": ImprovementsSpec(shm_size=False, detached=False, drop_dead=False),
            "container": ContainerSpec(
                name=profile.container.name,
                image=profile.container.image,
                data_mount=profile.container.data_mount,
                data_mount_inside=profile.container.data_mount_inside,
            ),
        }
    )


def guide_original(profile: Profile, index: int, path: str) -> str | None:
    """Text of a file as the guide prints it, with this node's addresses; None: not in the guide."""
    name = path.rpartition("/")[2]
    if path not in _FILES and not name.startswith("glm_47_infer_node"):
        return None
    return render(_as_guide(profile)).find(path, index).text


def guide_diff(profile: Profile, index: int, path: str) -> str:
    """Unified diff from the guide's file to ours; empty when equal or not in the guide."""
    original = guide_original(profile, index, path)
    if original is None:
        return ""
    ours = render(profile).find(path, index).text
    lines = difflib.unified_diff(
        original.splitlines(), ours.splitlines(), f"guide/{path}", path, lineterm="", n=1
    )
    return "\n".join(lines)


diff_guide = guide_diff
