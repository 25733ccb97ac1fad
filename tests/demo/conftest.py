"""A cluster and ways to talk to it: through the product's own SSH room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui.demo import Cluster
from glm47_tui.profile import Profile, load
from glm47_tui.remote import Fleet, Nobody, connect

PACE = 0.02
"""Of simulated waits: fast."""


def profile_of(cluster: Cluster) -> Profile:
    """The cluster's own profile, read as a user's file is."""
    file = cluster.home / "profile.toml"
    file.write_text(cluster.profile_text(), encoding="utf-8")
    return load(file)


class Lab:
    """A cluster, its profile, and connections to all of its nodes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.profile = profile_of(cluster)
        self.fleet: Fleet = connect(self.profile, Nobody())
        assert not self.fleet.failures, self.fleet.failures

    def sh(self, script: str, *args: str, node: int = 0, timeout: float = 60.0) -> str:
        """Standard output of a script that must succeed."""
        result = self.fleet.connections[node].run(script, *args, timeout=timeout)
        assert result.ok, (result.code, result.out, result.err)
        return result.out

    def close(self) -> None:
        self.fleet.close()
        self.cluster.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A cluster that tests look at and leave as it was."""
    lab = Lab(Cluster(tmp_path_factory.mktemp("demo") / "home", pace=PACE).start())
    yield lab
    lab.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A cluster of the test's own."""
    own = Lab(Cluster(tmp_path / "home", pace=PACE).start())
    yield own
    own.close()
