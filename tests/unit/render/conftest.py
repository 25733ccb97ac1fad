"""Profiles the render tests work with."""

from __future__ import annotations

from typing import Any

import pytest

from glm47_tui.profile import Profile, parse


def make_profile(nodes: int = 2, **parts: Any) -> Profile:
    """A profile of ``nodes`` hosts; ``parts`` are tables of the TOML file."""
    return parse(
        {
            "schema": 1,
            "name": "atlas-pair",
            "nodes": [
                {"host": f"10.77.0.{10 + i}", "nic": "enp67s0f5", "ip": f"10.77.0.{10 + i}"}
                for i in range(nodes)
            ],
            **parts,
        }
    )


@pytest.fixture
def pair() -> Profile:
    """The guide's two hosts, all improvements as they are by default."""
    return make_profile()


@pytest.fixture
def plain() -> Profile:
    """The guide's two hosts with every improvement off."""
    return make_profile(improvements={"shm_size": False, "detached": False, "drop_dead": False})
