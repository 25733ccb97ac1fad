"""Connections that are gone: how often they are tried again, and what is said meanwhile."""

from __future__ import annotations

import socket
import threading

import pytest

from glm47_tui.deploy.bus import Bus
from glm47_tui.deploy.events import Progress
from glm47_tui.deploy.links import Links
from glm47_tui.profile import parse
from glm47_tui.remote import Nobody, RemoteError
from glm47_tui.remote.api import Fleet
from tests.unit.deploy.conftest import Events, Place


def test_a_machine_that_answers_nothing_is_tried_no_longer_than_one_that_refuses() -> None:
    """Each try at it takes its whole limit (1 s here); together they keep to the pauses' sum."""
    events = Events()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        profile = parse(
            {
                "schema": 1, "name": "p", "ssh": {"port": port}, "limits": {"connect_s": 1},
                "nodes": [{"host": "127.0.0.1", "nic": "lo", "ip": "127.0.0.1"}],
            },
            "-",
        )  # fmt: skip
        links = Links(profile, Fleet(), Nobody(), Bus(events, None), threading.Event())
        with pytest.raises(RemoteError):
            links.again(0, "ready", (0.0, 0.25, 0.25, 0.25, 0.25, 0.25))
    tries = events.of(Progress)
    assert len(tries) <= 2, tries
    assert links.away_s(0) > 0


def test_a_node_that_is_back_is_no_longer_away(place: Place) -> None:
    run = place.run()
    assert run.links.away_s(0) == 0
    place.server.stop()
    try:
        run.links.get(0).close()
        with pytest.raises(RemoteError):
            run.links.again(0, "ready", (0.0,))
        assert run.links.away_s(0) > 0
    finally:
        place.server.start()
    run.links.again(0, "ready")
    assert run.links.away_s(0) == 0
