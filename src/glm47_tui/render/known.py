"""What ``assets/lint/known.toml`` knows: releases, and settings that versions do not read."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from glm47_tui import assets
from glm47_tui.profile import Profile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GUIDE_ASCEND = "0.13.0rc1"
"""vllm-ascend of the guide: what is assumed where the image's tag names no version."""
GUIDE_VLLM = "0.13.0"

_FINAL = 1 << 20
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:rc(\d+))?(?:\.?post(\d+))?")


def version_key(text: str) -> tuple[int, int, int, int, int]:
    """Order of a version; a release candidate comes before its release. ValueError if it is none.

    What follows the number (``+cpu``, ``-a3``) does not count.
    """
    found = _VERSION.match(text)
    if not found:
        raise ValueError(text)
    major, minor, patch, candidate, post = found.groups()
    return (
        int(major), int(minor), int(patch),
        _FINAL if candidate is None else int(candidate), int(post or 0),
    )  # fmt: skip


@dataclass(frozen=True)
class Versions:
    """Versions a launch is judged by; ``assumed``: nobody said, these are the guide's."""

    vllm: str = GUIDE_VLLM
    vllm_ascend: str = GUIDE_ASCEND
    assumed: bool = False

    def of(self, package: str) -> str:
        """The version of ``vllm`` or ``vllm_ascend``."""
        return self.vllm if package == "vllm" else self.vllm_ascend


@dataclass(frozen=True)
class Unread:
    """A setting that some versions do not read. ``gone``/``since``: see known.toml."""

    name: str
    package: Literal["vllm", "vllm_ascend"]
    gone: str | None
    since: str | None
    source: str

    def dead_in(self, versions: Versions) -> bool:
        """Whether the version in question does not read it."""
        at = version_key(versions.of(self.package))
        if self.gone is not None:
            return at >= version_key(self.gone)
        return not self.since or at < version_key(self.since)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(assets.text("lint", "known.toml"))


def _unread(kind: str) -> tuple[Unread, ...]:
    return tuple(
        Unread(x["name"], x["package"], x.get("gone"), x.get("since"), x["source"])
        for x in _data()[kind]
    )


def unread_keys() -> tuple[Unread, ...]:
    """Keys of --additional-config."""
    return _unread("key")


def unread_env() -> tuple[Unread, ...]:
    """Environment variables."""
    return _unread("env")


def cann_names() -> tuple[str, ...]:
    """Environment variables that CANN, HCCL and torch_npu read."""
    return tuple(_data()["names"]["cann"])


def versions_of(image: str) -> Versions:
    """Versions that an image's tag names, by the table of releases; else the guide's, assumed."""
    name, _, tag = image.partition("@")[0].rpartition(":")
    found = _VERSION.match(tag) if "vllm-ascend" in name else None
    if not found:
        return Versions(assumed=True)
    ascend = found.group().removeprefix("v")
    for release in _data()["release"]:
        if release["vllm_ascend"] == ascend:
            return Versions(release["vllm"], ascend)
    return Versions(".".join(map(str, version_key(ascend)[:3])), ascend)


def dead_env(profile: Profile) -> frozenset[str]:
    """Environment variables that the profile's versions do not read, as far as is known."""
    versions = versions_of(profile.container.image)
    return frozenset(x.name for x in unread_env() if x.dead_in(versions))


def dead_keys(profile: Profile) -> frozenset[str]:
    """Top-level keys of --additional-config that the profile's versions do not read."""
    versions = versions_of(profile.container.image)
    return frozenset(x.name for x in unread_keys() if x.dead_in(versions))
