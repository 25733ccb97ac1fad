"""Probe and checks through the real SSH room, to real OpenSSH servers: also with few sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glm47_tui import remote
from glm47_tui.checks import gather, reach, run
from glm47_tui.i18n import t
from glm47_tui.node import probe_all
from glm47_tui.profile import Profile, loads
from tests.support.sshd import Sshd, free_port, why_not
from tests.unit.remote.conftest import Answers

Up = Callable[..., tuple[Profile, remote.Fleet]]


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    """Start two servers on loopback and log in to both."""
    if reason := why_not():
        pytest.skip(reason)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made: list[Sshd] = []
    fleets: list[remote.Fleet] = []

    def start(*options: str) -> tuple[Profile, remote.Fleet]:
        for i in range(2):
            # Bash reads no ~/.bashrc of whoever runs the tests when it believes to be nested.
            server = Sshd(tmp_path / f"sshd{i}", options=("SetEnv SHLVL=2", *options))
            server.start()
            made.append(server)
        nodes = "".join(
            f'[[nodes]]\nhost = "127.0.0.1"\nnic = "lo"\nip = "127.0.0.{2 + i}"\n'
            f'ssh = {{ port = {s.port}, identity = "{s.login_key}" }}\n'
            for i, s in enumerate(made)
        )
        text = (
            f'schema = 1\nname = "pair"\n[ssh]\nuser = "{made[0].user}"\nsudo = false\n[launch]\n'
            f"port = {free_port()}\nrpc_port = {free_port()}\n{nodes}"
        )
        wanted = loads(text)
        fleet = remote.connect(wanted, Answers())
        fleets.append(fleet)
        assert fleet.failures == {}
        return wanted, fleet

    yield start
    for fleet in fleets:
        fleet.close()
    for server in made:
        server.stop()


def test_facts_come_in_one_command_a_node(up: Up) -> None:
    wanted, fleet = up()
    facts, failures = probe_all(fleet, wanted)
    assert failures == {}
    assert [f.complete for f in facts.values()] == [True, True]
    assert all(f.system.kernel and f.nic("lo") for f in facts.values())
    for seen in facts.values():
        assert seen.clock.offset_s is not None
        # Both clocks are this machine's: what is measured is the way, and it says how far to trust.
        assert abs(seen.clock.offset_s) <= (seen.clock.uncertainty_s or 0) + 0.5


@pytest.mark.parametrize("options", [(), ("MaxSessions 2",)], ids=["usual", "two sessions"])
def test_gather_tries_the_ports_over_ssh(up: Up, monkeypatch, options: tuple[str, ...]) -> None:
    monkeypatch.setattr(reach, "SECONDS", 2.0)
    wanted, fleet = up(*options)
    seen = gather(fleet, wanted)
    assert seen.failures == {}
    assert sorted(seen.facts) == [0, 1]
    assert {(r.use, r.way) for r in seen.reach if r.use in ("rpc", "random", "api")} == {
        ("rpc", "open"), ("random", "open"), ("api", "open"),
    }  # fmt: skip
    found = {f.key: f for f in run(wanted, seen)}
    assert [t(f.found) for f in found.values() if f.found.id == "checks.broken"] == []
    assert found["access.login@node1"].severity.value == "ok"
    assert found["reach.rpc@node0"].severity.value == "ok"


def test_a_node_that_goes_away_fails_alone(up: Up) -> None:
    wanted, fleet = up()
    fleet.connections[1].close()
    seen = gather(fleet, wanted)
    assert list(seen.facts) == [0]
    found = {f.key: f for f in run(wanted, seen, ["access"])}
    assert found["access.login@node1"].severity.value == "blocker"
    assert found["access.login@node0"].severity.value == "ok"
