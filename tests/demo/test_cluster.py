"""Start, stop, two at once, the same home again."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from glm47_tui.cli.commands.demo import start_anew
from glm47_tui.demo import FAULTS, Cluster, DemoError, HomeInUse
from glm47_tui.demo.sim import daemon, reap
from glm47_tui.demo.sim.docker import store
from glm47_tui.i18n import LANGUAGES, set_language
from glm47_tui.remote import Nobody, connect
from tests.demo.conftest import PACE, Lab, profile_of


def test_profile_and_unattended_login(shared: Lab) -> None:
    assert [n.ip for n in shared.profile.nodes] == ["10.77.0.10", "10.77.0.11"]
    assert shared.sh("hostname").strip() == "atlas-0"
    assert shared.sh("hostname", node=1).strip() == "atlas-1"


def test_nothing_is_left_when_it_stops(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "home", pace=PACE).start()
    lab = Lab(cluster)
    lab.sh("setsid --fork sleep 1000 >/dev/null 2>&1 </dev/null")
    assert len(reap.marked(str(cluster.home))) >= 2
    lab.close()
    assert reap.marked(str(cluster.home)) == []
    cluster.stop()


def test_no_dead_process_stays_unburied(lab: Lab) -> None:
    lab.sh("setsid --fork sh -c 'echo $$ >/opt/data/pid' </dev/null >/dev/null 2>&1")
    pid = lab.sh("until [ -s /opt/data/pid ]; do sleep 0.01; done; cat /opt/data/pid").strip()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_cluster_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    first = Cluster(tmp_path / "home", pace=PACE).start()
    lab = Lab(first)
    lab.sh("setsid --fork sleep 1000 >/dev/null 2>&1 </dev/null; touch /opt/data/kept")
    lab.fleet.close()
    before = set(reap.marked(str(first.home)))
    assert first._process is not None
    os.kill(first._process.pid, signal.SIGKILL)
    first._process.wait()
    with Cluster(tmp_path / "home", pace=PACE) as again:
        assert not before & set(reap.marked(str(again.home)))
        lab = Lab(again)
        assert lab.sh("ls /opt/data").split() == ["kept", "verification"]
        lab.fleet.close()


def test_a_home_is_used_by_one_at_a_time(shared: Lab) -> None:
    with pytest.raises(DemoError) as error:
        Cluster(shared.cluster.home).start()
    assert str(shared.cluster.home) in str(error.value)
    assert shared.sh("echo alive") == "alive\n"


def test_who_finds_a_home_in_use_changes_nothing_in_it(lab: Lab) -> None:
    lab.cluster.fault("npu-alarm", 1)
    with pytest.raises(HomeInUse):
        Cluster(lab.cluster.home, nodes=1, fresh=True).start()
    assert "Alarm" in lab.sh("npu-smi info", node=1)


def test_a_home_outlives_the_interpreter_it_was_made_with(tmp_path: Path) -> None:
    run = f"docker run -itd --name kept {store.REFERENCE} bash"
    use = "docker start kept; docker exec kept python3 -c 'print(6 * 7)'"
    with Cluster(tmp_path / "home", nodes=1, pace=PACE, faults=["image-present"]) as first:
        lab = Lab(first)
        assert "42" in lab.sh(f"{run}; {use}")
        lab.fleet.close()
        containers = first.site(0).dir / "ct"
    named = [f for f in containers.rglob("*") if f.is_file() and _names(f, sys.executable)]
    assert named
    for file in named:
        file.write_text(file.read_text().replace(sys.executable, "/gone/bin/python"))
    with Cluster(tmp_path / "home", nodes=1, pace=PACE) as again:
        lab = Lab(again)
        assert "42" in lab.sh(use)
        lab.fleet.close()


def _names(file: Path, word: str) -> bool:
    return word.encode() in file.read_bytes()[:4096]


def test_a_fresh_start_keeps_keys_and_addresses_only(tmp_path: Path) -> None:
    with Cluster(tmp_path / "home", nodes=1, pace=PACE) as first:
        lab = Lab(first)
        lab.sh("touch /opt/data/kept")
        lab.fleet.close()
        text = first.profile_text()
    with Cluster(tmp_path / "home", nodes=1, pace=PACE, fresh=True) as again:
        lab = Lab(again)
        assert lab.sh("ls /opt/data").split() == ["verification"]
        lab.fleet.close()
        assert again.profile_text() == text


def test_a_second_demo_of_the_same_user_gets_a_home_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with start_anew(nodes=1, pace=PACE, faults=()) as first:
        with start_anew(nodes=1, pace=PACE, faults=()) as second:
            assert [c.home.name for c in (first, second)] == ["demo", "demo-2"]
        assert first.running


def test_two_clusters_have_addresses_of_their_own(shared: Lab, tmp_path: Path) -> None:
    with Cluster(tmp_path / "home", nodes=1, pace=PACE) as other:
        assert other.address(0)[0] != shared.cluster.address(0)[0]
        lab = Lab(other)
        assert lab.sh("hostname").strip() == "atlas-0"
        lab.fleet.close()


def test_the_same_home_has_the_same_addresses_and_keys(tmp_path: Path) -> None:
    with Cluster(tmp_path / "home", nodes=1, pace=PACE) as first:
        text = first.profile_text()
    with Cluster(tmp_path / "home", nodes=1, pace=PACE) as again:
        assert again.profile_text() == text


def test_a_port_that_the_machine_uses_is_left_to_it(
    shared: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    del shared  # its addresses are in use: others are found
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        monkeypatch.setattr(daemon, "API_PORTS", (busy, 38080))
        found, socks = daemon.place(2, {})
        for sock in socks:
            sock.close()
    assert found["api_port"] == 38080


def test_sixteen_nodes(tmp_path: Path) -> None:
    with Cluster(tmp_path / "home", nodes=16, pace=PACE) as cluster:
        profile = profile_of(cluster)
        fleet = connect(profile, Nobody(), only=[15])
        try:
            result = fleet.connections[15].run("ip -o addr show", timeout=30)
            assert "10.77.0.25/24" in result.out
        finally:
            fleet.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_home_that_a_shell_would_misread(tmp_path: Path, language: str) -> None:
    set_language(language)
    with pytest.raises(DemoError) as error:
        Cluster(tmp_path / "my demo").start()
    assert "my demo" in str(error.value)
    assert "--home" in str(error.value)


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError) as error:
        Cluster(tmp_path / "file" / "home").start()
    assert "file/home" in str(error.value)


def test_an_unknown_fault(shared: Lab) -> None:
    with pytest.raises(DemoError) as error:
        shared.cluster.fault("nonsense")
    assert "npu-alarm" in str(error.value)
    assert "npu-alarm" in FAULTS


@pytest.mark.parametrize("text", ["nonsense", "npu-alarm@2", "npu-alarm@x", "npu-alarm@-1"])
def test_a_fault_that_cannot_be_had(tmp_path: Path, text: str) -> None:
    with pytest.raises(DemoError):
        Cluster(tmp_path / "home", faults=[text]).start()
