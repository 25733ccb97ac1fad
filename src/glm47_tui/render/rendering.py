"""From a profile to everything: what lands on the nodes, what runs there, what people read."""

from __future__ import annotations

from dataclasses import replace

from glm47_tui.profile import Profile
from glm47_tui.render.by_hand import readmes
from glm47_tui.render.files import Rendered, RenderedFile
from glm47_tui.render.looks import LOOKS
from glm47_tui.render.node_files import (
    common_files,
    docker_run_file,
    download_file,
    launch_file,
)
from glm47_tui.render.steps import step_ids, step_script


def render(profile: Profile) -> Rendered:
    """Return all that lands on a node, runs there, or lies in the folder written for people."""
    nodes = range(len(profile.nodes))
    files = (
        docker_run_file(profile),
        *(launch_file(profile, i) for i in nodes),
        *_downloads(profile),
        *common_files(profile),
        *_steps(profile),
        *_looks(),
    )
    rendered = Rendered(profile.name, profile.base_dir, files)
    return replace(rendered, files=(*readmes(profile, rendered), *files))


def _steps(profile: Profile) -> list[RenderedFile]:
    """The scripts the tool sends to each node on standard input."""
    return [
        RenderedFile(f"steps/node{i}/{name}.sh", step_script(profile, i, name), i, 0o644, "step")
        for i in range(len(profile.nodes))
        for name in step_ids()
    ]


def _looks() -> list[RenderedFile]:
    """The scripts that detection, checks and monitor send; the same for all nodes."""
    return [
        RenderedFile(f"looks/{name}.sh", script(), None, 0o644, "step")
        for name, script in LOOKS.items()
    ]


def _downloads(profile: Profile) -> list[RenderedFile]:
    """One for all nodes, or one a node where their model folders differ."""
    files = [download_file(profile, i) for i in range(len(profile.nodes))]
    if len({f.text for f in files}) == 1:
        return [replace(files[0], node=None)]
    return files
