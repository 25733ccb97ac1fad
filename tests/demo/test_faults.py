"""Faults: each is seen by the tool's own probe, and goes away again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glm47_tui.node.facts import NodeFacts, parse_probe
from glm47_tui.node.probe import probe_arguments, probe_script
from tests.demo.conftest import Lab


def look(lab: Lab, only: str, node: int = 1, limit: float = 30.0) -> NodeFacts:
    """What the tool's probe says, asked for a part."""
    args = (f"limit={limit:g}", *probe_arguments(lab.profile, node), f"only={only}")
    return parse_probe(lab.sh(probe_script(), *args, node=node))


SEEN: dict[str, tuple[str, Callable[[NodeFacts], object]]] = {
    "npu-alarm": ("npu", lambda f: [n.id for n in f.npu.npus if n.health == "Alarm"] == [3]),
    "npu-busy": ("npu", lambda f: f.npu.npus[0].processes and f.npu.npus[0].hbm_used_mb > 20000),
    "link-down": ("hccn", lambda f: [p.npu for p in f.hccn if p.up is False] == [3]),
    "tls-differs": ("hccn", lambda f: all(p.tls for p in f.hccn)),
    "driver-missing": ("npu,devs", lambda f: not f.devices.davinci and not f.npu.npus),
    "driver-differs": ("npu,driver", lambda f: f.driver.version == "24.1.rc3" == f.npu.version),
    "firewall": ("fw", lambda f: "firewalld" in f.firewall.active),
    "disk-full": ("disk", lambda f: min(d.free for d in f.disks) < 10**10),
    "model-missing": ("model", lambda f: not f.model.exists),
    "model-incomplete": ("model", lambda f: len(f.model.missing) == 3),
    "container-differs": ("container", lambda f: f.container and f.container.npus == (0, 1, 2, 3)),
    "image-present": ("image", lambda f: f.image is not None),
}


@pytest.mark.parametrize("name", sorted(SEEN))
def test_seen_and_gone_again(shared: Lab, name: str) -> None:
    only, seen = SEEN[name]
    shared.cluster.fault(name, 1)
    assert seen(look(shared, only)), "while it is on"
    shared.cluster.clear(name, 1)
    if name == "container-differs":
        shared.sh("docker rm -f vllm-ascend-v0.13.0rc1", node=1)
    elif name == "image-present":
        return  # what somebody has pulled stays
    assert not seen(look(shared, only)), "after"


def test_a_wrong_clock(shared: Lab) -> None:
    shared.cluster.fault("clock-skew", 1)
    here, there = (int(shared.sh("date +%s", node=i)) for i in (0, 1))
    shared.cluster.clear("clock-skew", 1)
    assert 240 < there - here < 360


def test_faults_given_at_the_start(lab: Lab) -> None:
    lab.cluster.stop()
    lab.fleet.close()
    lab.cluster._faults = ("npu-busy@1=5", "npu-alarm=2")
    lab.cluster.start()
    again = Lab(lab.cluster)
    facts = look(again, "npu")
    assert [n.id for n in facts.npu.npus if n.processes] == [5]
    assert [n.id for n in look(again, "npu", 0).npu.npus if n.health == "Alarm"] == [2]
    assert not look(again, "npu", 0).npu.npus[5].processes
    again.fleet.close()
    lab.cluster.stop()
    lab.cluster._faults = ()
    lab.cluster.start()
    healthy = Lab(lab.cluster)
    assert {n.health for n in look(healthy, "npu").npu.npus} == {"OK"}
    assert not look(healthy, "npu").npu.npus[5].processes
    healthy.fleet.close()


def test_a_slow_npu_smi_is_named_and_costs_nobody_else(lab: Lab) -> None:
    lab.cluster.fault("npu-smi-slow", 1, "30")
    facts = look(lab, "npu,sys", limit=1.0)
    assert "npu" in facts.timed_out
    assert facts.system.arch == "aarch64"


def test_a_foreign_process_can_be_ended_on_the_node(lab: Lab) -> None:
    lab.cluster.fault("npu-busy", 1, "4")
    pid = look(lab, "npu").npu.npus[4].processes[0].pid
    lab.sh(f"kill {pid}", node=1)
    assert not look(lab, "npu").npu.npus[4].processes


CALL = 'timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2" 2>&1 && echo open || echo shut'
UNTIL_OPEN = """
for i in $(seq 400); do
    ! (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null || exit 0
    sleep 0.05
done
exit 1
"""
SERVE = """
python3 - "$1" "$2" <<'PY'
import socket, sys
with socket.socket() as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((sys.argv[1], int(sys.argv[2])))
    s.listen()
    print("ready", flush=True)
    s.settimeout(60)
    while True:
        s.accept()[0].close()
PY
"""


def test_a_firewall_keeps_others_out_until_it_is_opened(lab: Lab) -> None:
    seen: list[str] = []
    server = lab.fleet.connections[1].stream(
        SERVE.replace("$1", "10.77.0.11").replace("$2", "39123"), on_lines=seen.extend
    )
    lab.sh(UNTIL_OPEN, "10.77.0.11", "39123")
    lab.cluster.fault("firewall", 1)
    assert lab.sh(CALL, "10.77.0.11", "39123").endswith("shut\n")
    assert lab.sh(CALL, "10.77.0.11", "39123", node=1).endswith("open\n")
    lab.sh("firewall-cmd --zone=trusted --add-source=10.77.0.10", node=1)
    assert lab.sh(CALL, "10.77.0.11", "39123").endswith("open\n")
    lab.sh("firewall-cmd --zone=trusted --remove-source=10.77.0.10", node=1)
    assert lab.sh(CALL, "10.77.0.11", "39123").endswith("shut\n")
    server.close()


def test_second_nics_do_not_reach_each_other(lab: Lab) -> None:
    assert lab.sh(CALL, "192.168.71.10", "22").endswith("shut\n")
    assert "dev enp189s0f0" in lab.sh("ip -o route get 192.168.71.10")
