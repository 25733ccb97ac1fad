"""Launch presets of ``assets/recipes``: tables of the profile, laid over what the user has."""

from __future__ import annotations

import copy
import posixpath
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from glm47_tui import assets
from glm47_tui.i18n import Msg
from glm47_tui.profile import ModelSpec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEPT = ("host", "port", "rpc_port", "parsers")
"""Fields of [launch] that belong to the site and not to a preset."""


@dataclass(frozen=True)
class Recipe:
    """One preset. ``nodes``: for how many hosts it is; ``source``: where its values come from."""

    id: str
    nodes: int
    source: str
    model: Mapping[str, Any]
    launch: Mapping[str, Any]
    improvements: Mapping[str, Any]

    @property
    def title(self) -> Msg:
        """Its name in a list."""
        return Msg.of(f"render.recipe.{self.id}.title")

    @property
    def summary(self) -> Msg:
        """What it is for, in a sentence or two."""
        return Msg.of(f"render.recipe.{self.id}.summary")


@cache
def recipes() -> tuple[Recipe, ...]:
    """Return all presets, the guide's first."""
    found = []
    for file in sorted(assets.path("recipes").glob("*.toml")):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        found.append(
            Recipe(
                id=data["id"],
                nodes=data["nodes"],
                source=data["source"],
                model=data.get("model", {}),
                launch=data.get("launch", {}),
                improvements=data.get("improvements", {}),
            )
        )
    return tuple(found)


def apply_recipe(data: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return a profile's data (as in its TOML file) with a preset over it.

    [launch] becomes the preset's, but for listening addresses, ports and the way the parsers are
    brought in. The model's folder follows the preset's repository, beside the one it was. Hosts,
    logins, container and limits stay. The result is data: parse it to have it checked.
    """
    out = copy.deepcopy(dict(data))
    launch = out.get("launch", {})
    kept = {name: launch[name] for name in _KEPT if name in launch}
    out["launch"] = {**copy.deepcopy(dict(recipe.launch)), **kept}
    improvements = {**out.get("improvements", {}), **recipe.improvements}
    if "drop_dead" not in recipe.improvements:
        improvements.pop("drop_dead", None)
    out["improvements"] = improvements
    before = {**ModelSpec().model_dump(), **out.get("model", {})}
    model = {**out.get("model", {}), **recipe.model}
    if model.get("repo", before["repo"]) != before["repo"]:
        name = str(model["repo"]).rpartition("/")[2]
        model["path"] = _beside(str(before["path"]), name)
        for node in out.get("nodes", ()):
            if node.get("model_path"):
                node["model_path"] = _beside(str(node["model_path"]), name)
    out["model"] = model
    return out


def _beside(path: str, name: str) -> str:
    return posixpath.join(posixpath.dirname(path.rstrip("/")), name)
