"""Reachability for real: listeners and calls between two hosts, with and without a firewall."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui.checks import Evidence, Finding, apply_fix, gather, reach, run, undo_fix
from glm47_tui.checks.evidence import Gathering, Reach
from glm47_tui.i18n import t
from glm47_tui.node import Look, NodeFacts, probe_all
from glm47_tui.node.host import Listener
from glm47_tui.node.probe import side_by_side
from glm47_tui.profile import Profile, loads
from glm47_tui.remote.api import Result
from tests.unit.checks.atlas import IDLE, profile
from tests.unit.checks.hosts import Hosts, why_not
from tests.unit.node.local import LocalFleet, LocalShell

LOOPBACK = """
schema = 1
name = "pair"
[launch]
port = {api}
rpc_port = {rpc}
[launch.env]
HCCL_IF_BASE_PORT = "{hccl}"
[[nodes]]
host = "127.0.0.2"
nic = "lo"
ip = "127.0.0.2"
[[nodes]]
host = "127.0.0.3"
nic = "lo"
ip = "127.0.0.3"
"""
needs_namespaces = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here no way is long: what does not answer within a second never will."""
    monkeypatch.setattr(reach, "SECONDS", 2.0)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.2", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


@pytest.fixture
def pair() -> Profile:
    api, rpc, hccl = free_ports(3)
    return loads(LOOPBACK.format(api=api, rpc=rpc, hccl=hccl))


def without(folder: Path, *names: str) -> str:
    """Make a folder that hides programs behind ones that fail."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return str(folder)


def tried(
    wanted: Profile, shells: dict[int, LocalShell], facts: dict[int, NodeFacts] | None = None
) -> tuple[Reach, ...]:
    plan = reach.make_plan(wanted, facts or {0: NodeFacts(), 1: NodeFacts()})
    outputs, failures = side_by_side(shells, lambda i, c: reach.try_out(plan, i, c))
    assert not failures
    return reach.read_results(plan, outputs)


def ways(found: tuple[Reach, ...]) -> set[str]:
    return {r.way for r in found}


@pytest.mark.parametrize("hidden", [(), ("python3",)], ids=["python3", "perl"])
def test_every_port_is_reached_both_ways(pair: Profile, tmp_path: Path, hidden) -> None:
    if hidden and shutil.which("perl") is None:
        pytest.skip("no perl here")
    path = without(tmp_path / "bin", *hidden)
    found = tried(pair, {0: LocalShell(path), 1: LocalShell(path)})
    assert ways(found) == {"open"}
    assert [r.use for r in found if r.target == 0] == ["api", "rpc", "hccl", "random", "random"]
    assert [r.use for r in found if r.target == 1] == ["hccl", "random", "random"]


def test_where_nothing_can_listen_the_answer_is_honest(pair: Profile, tmp_path: Path) -> None:
    path = without(tmp_path / "bin", "python3", "perl", "docker")
    found = tried(pair, {0: LocalShell(), 1: LocalShell(path)})
    assert {r.way for r in found if r.target == 1} == {"deaf"}
    # Bash can call all the same.
    assert {r.way for r in found if r.target == 0} == {"open"}


def test_a_held_port_is_left_alone(pair: Profile) -> None:
    with socket.create_server(("127.0.0.2", pair.launch.rpc_port)) as server:
        listener = Listener("127.0.0.2", pair.launch.rpc_port)
        facts = {0: NodeFacts(listeners=(listener,)), 1: NodeFacts()}
        found = tried(pair, {0: LocalShell(), 1: LocalShell()}, facts)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):  # nobody has called
            server.accept()
    assert {r.way for r in found if r.use == "rpc"} == {"held"}
    assert {r.way for r in found if r.use != "rpc"} == {"open"}


def test_a_port_taken_in_the_meantime_is_held_too(pair: Profile) -> None:
    with socket.create_server(("127.0.0.2", pair.launch.rpc_port)):
        found = tried(pair, {0: LocalShell(), 1: LocalShell()})
    assert {r.way for r in found if r.use == "rpc"} == {"held"}


def test_a_stranger_that_answers_is_told_from_our_own(pair: Profile) -> None:
    plan = reach.make_plan(pair, {0: NodeFacts(), 1: NodeFacts()})
    words = ("address=127.0.0.3", "token=ours", "seconds=4", "expected=0", "listen=-",
             f"call=127.0.0.2/{pair.launch.port}", "container=")  # fmt: skip
    with socket.create_server(("127.0.0.2", pair.launch.port)) as server:

        def greet() -> None:
            client, _ = server.accept()
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        threading.Thread(target=greet, daemon=True).start()
        out = LocalShell().run(reach.reach_script(), *words, timeout=20).out
    assert f"@@ reach 127.0.0.2 {pair.launch.port} stranger" in out
    assert plan.token != "ours"


def test_a_node_whose_script_did_not_run_is_no_verdict(pair: Profile) -> None:
    plan = reach.make_plan(pair, {0: NodeFacts(), 1: NodeFacts()})
    assert ways(reach.read_results(plan, {})) == {"failed"}
    assert ways(reach.read_results(plan, {0: "garbage", 1: "@@ reach x"})) == {"failed"}


def test_random_ports_avoid_what_is_in_use() -> None:
    busy = NodeFacts(listeners=tuple(Listener("0.0.0.0", p) for p in range(20000, 60000)
                                     if p not in (20007, 40009)))  # fmt: skip
    plan = reach.make_plan(profile(), {0: busy, 1: NodeFacts()})
    assert {p for p, use in plan.ports[0].items() if use == "random"} == {20007, 40009}


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with Hosts() as made:
        yield made


def look(hosts: Hosts, wanted: Profile, path: Path | None = None) -> Evidence:
    fleet = LocalFleet({i: hosts.shell(i, path) for i in (0, 1)})
    return gather(fleet, wanted)


@needs_namespaces
def test_gather_sees_facts_reachability_and_the_ping_matrix(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "npu.txt").write_text(IDLE)
    stand_ins = {
        "npu-smi": f"cat {tmp_path}/npu.txt",
        # NPU addresses differ by host: 10.20.<host>.<npu>; NPU 3 of host 0 is cut off.
        "hccn_tool": """
own=$(ip -o -4 addr show enp67s0f5 | grep -oE '10[.]77[.]0[.]1[01]' | head -n 1)
case "$3" in
  -ip) echo "ipaddr:10.20.${own#10.77.0.1}.$2"; echo netmask:255.255.0.0 ;;
  -link) echo "link status: UP" ;;
  -net_health) echo "net health status: Success" ;;
  -ping)
    echo "device $2 PING $6"
    if [ "$6" = 10.20.0.3 ] || [ "${own#10.77.0.1}.$2" = 0.3 ]; then
      echo "3 packets transmitted, 0 received, 100.00% packet loss"
    else
      for s in 0 1 2; do echo "recv seq=$s,time=0.1ms"; done
      echo "3 packets transmitted, 3 received, 0.00% packet loss"
    fi ;;
esac""",
    }
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in stand_ins.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    told: list[Gathering] = []
    fleet = LocalFleet({i: hosts.shell(i, folder) for i in (0, 1)})
    seen = gather(fleet, profile(), emit=told.append)
    assert sorted(seen.facts) == [0, 1]
    assert seen.facts[1].nic("enp67s0f5") is not None
    assert ways(seen.reach) == {"open"}
    assert len(seen.pings) == 64
    found = {f.key: f for f in run(profile(), seen, ["net", "reach", "hccn", "npu"])}
    assert t(found["hccn.ping"].found).startswith("no pair works with node0 NPU 3: 8 of the 64")
    for good in ("net.address@node0", "net.route@node1", "reach.rpc@node0", "npu.health@node1"):
        assert found[good].severity.value == "ok", t(found[good].found)
    begun = [(g.part, g.node) for g in told if not g.done]
    assert {("probe", 0), ("probe", 1), ("reach", 0), ("hccn", 1)} <= set(begun)
    assert len(told) == 2 * len(begun)
    for shell in fleet.connections.values():
        # One look, one try of the ports, one run of pings; a busy machine may need a second look.
        again = [args for args in shell.runs if any(a.startswith("only=") for a in args)]
        assert len(shell.runs) - len(again) == 3


def test_only_what_is_asked_for_is_tried(pair: Profile) -> None:
    parts: dict[str, set[str]] = {}
    for only in ("net.address", "reach.rpc", "hccn.ping", "reach"):
        seen: set[str] = set()
        fleet = LocalFleet({0: LocalShell(), 1: LocalShell()})
        gather(fleet, pair, facts={0: NodeFacts(), 1: NodeFacts()}, only=[only],
               emit=lambda g, seen=seen: seen.add(g.part))  # fmt: skip
        parts[only] = seen
    assert parts == {
        "net.address": set(), "reach.rpc": {"reach"}, "hccn.ping": {"hccn"}, "reach": {"reach"},
    }  # fmt: skip


def test_a_cancelled_gathering_begins_nothing_more(pair: Profile) -> None:
    cancel = threading.Event()
    cancel.set()
    fleet = LocalFleet({0: LocalShell(), 1: LocalShell()})
    seen = gather(fleet, pair, facts={0: NodeFacts(), 1: NodeFacts()}, cancel=cancel)
    assert not seen.reach_tried
    assert [shell.runs for shell in fleet.connections.values()] == [[], []]


def test_a_mistake_in_the_second_look_is_not_swallowed(pair: Profile) -> None:
    class Broken(LocalShell):
        def run(self, *_: object, **__: object) -> Result:
            raise ZeroDivisionError

    slow = Look("@@ section npu timeout 2200\n@@ end", 0, 1)
    with pytest.raises(ZeroDivisionError):
        gather(LocalFleet({0: Broken()}), pair, looks={0: slow})


@needs_namespaces
@pytest.mark.skipif(shutil.which("iptables") is None, reason="no iptables here")
@pytest.mark.parametrize(
    ("rule", "way"),
    [("DROP", "timeout"), ("REJECT --reject-with tcp-reset", "refused"),
     ("REJECT --reject-with icmp-host-prohibited", "unreachable")],
)  # fmt: skip
def test_a_firewall_is_found_by_what_it_does(hosts: Hosts, rule: str, way: str) -> None:
    words = f"-A INPUT -p tcp --syn -d 10.77.0.10 -j {rule}".split()
    hosts.do(0, "iptables", *words)
    seen = look(hosts, profile())
    # Kernels limit how many ICMP answers they send: some calls then get none.
    found = {r.way for r in seen.reach if r.target == 0}
    assert way in found
    assert found <= {way, "timeout"}
    assert {r.way for r in seen.reach if r.target == 1} == {"open"}
    judged = {f.key: f for f in run(profile(), seen, ["reach"])}
    assert judged["reach.rpc@node0"].severity.value == "blocker"
    assert judged["reach.random@node1"].severity.value == "ok"
    assert judged["reach.rpc@node0"].command == "iptables -I INPUT -s 10.77.0.11 -j ACCEPT"


@needs_namespaces
@pytest.mark.skipif(shutil.which("iptables") is None, reason="no iptables here")
def test_the_offered_fix_opens_the_firewall_and_its_undo_closes_it(hosts: Hosts) -> None:
    hosts.do(0, "iptables", "-P", "INPUT", "DROP")
    hosts.do(0, "iptables", "-A", "INPUT", "-m", "state", "--state", "ESTABLISHED", "-j", "ACCEPT")

    shells = {i: hosts.shell(i) for i in (0, 1)}
    known, _ = probe_all(LocalFleet(shells), profile())

    def finding() -> Finding:
        seen = gather(LocalFleet(shells), profile(), facts=known)
        return run(profile(), seen, ["reach.rpc"])[0]

    closed = finding()
    assert closed.fixable
    apply_fix(hosts.shell(0), closed)
    assert finding().severity.value == "ok"
    undo_fix(hosts.shell(0), closed)
    assert finding().severity.value == "blocker"


@needs_namespaces
def test_an_unplugged_cable_is_found(hosts: Hosts) -> None:
    hosts.do(1, "ip", "link", "set", "enp67s0f5", "down")
    found = {f.key: f for f in run(profile(), look(hosts, profile()), ["net", "reach"])}
    assert found["net.nic_up@node1"].severity.value == "blocker"
    assert found["reach.rpc@node0"].severity.value == "blocker"
