"""What the user wants, checked field by field, kept as TOML, never with a secret in it."""

from __future__ import annotations

from glm47_tui.profile.model import (
    ContainerSpec,
    ImprovementsSpec,
    LaunchSpec,
    LimitsSpec,
    ModelSpec,
    NodeSpec,
    Profile,
    SshOverride,
    SshSpec,
    VerifySpec,
)
from glm47_tui.profile.problems import Problem, ProfileInvalid, parse
from glm47_tui.profile.store import (
    as_data,
    delete,
    directory,
    dumps,
    list_names,
    load,
    loads,
    path_of,
    resolve,
    save,
    write_private,
)

__all__ = [
    "ContainerSpec",
    "ImprovementsSpec",
    "LaunchSpec",
    "LimitsSpec",
    "ModelSpec",
    "NodeSpec",
    "Problem",
    "Profile",
    "ProfileInvalid",
    "SshOverride",
    "SshSpec",
    "VerifySpec",
    "as_data",
    "delete",
    "directory",
    "dumps",
    "list_names",
    "load",
    "loads",
    "parse",
    "path_of",
    "resolve",
    "save",
    "write_private",
]
