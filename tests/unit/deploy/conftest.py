"""A node behind a real sshd on this machine, with a data mount of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from glm47_tui.deploy import AssumeYes, Consent
from glm47_tui.deploy.bus import Bus
from glm47_tui.deploy.events import Event
from glm47_tui.deploy.links import Links
from glm47_tui.deploy.run import Run
from glm47_tui.profile import Profile, parse
from glm47_tui.remote import Nobody, connect
from glm47_tui.remote.api import Fleet
from tests.support.sshd import Sshd, fingerprint, why_not

E = TypeVar("E")


@dataclass
class Events:
    """Collects the events of a run."""

    seen: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.seen.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.seen if isinstance(event, kind)]


@dataclass
class Place:
    """A profile of one node on this machine, its connection, and what is needed for runs."""

    profile: Profile
    fleet: Fleet
    data: Path
    server: Sshd

    @property
    def base(self) -> Path:
        return Path(self.profile.base_dir)

    def run(self, events: Events | None = None, consent: Consent | None = None) -> Run:
        halt = threading.Event()
        bus = Bus(events or Events(), None)
        links = Links(self.profile, self.fleet, Nobody(), bus, halt)
        return Run(self.profile, links, bus, consent=consent or AssumeYes(), secrets={}, halt=halt)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def place(server: Sshd, tmp_path: Path) -> Iterator[Place]:
    data = tmp_path / "data"
    data.mkdir()
    key = f"127.0.0.1:{server.port}"
    profile = parse(
        {
            "schema": 1,
            "name": "here",
            "model": {"path": f"{data}/model"},
            "container": {"name": "glm47-no-such-container", "data_mount": str(data)},
            "ssh": {
                "user": server.user, "port": server.port, "identity": str(server.login_key),
                "host_keys": {key: fingerprint(server.host_key())},
            },
            "nodes": [{"host": "127.0.0.1", "nic": "lo", "ip": "127.0.0.1"}],
        },
        "-",
    )  # fmt: skip
    fleet = connect(profile, Nobody())
    assert not fleet.failures, fleet.failures
    yield Place(profile, fleet, data, server)
    fleet.close()
