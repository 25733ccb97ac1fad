"""One node: files, processes, network and NPUs as the tool's own probe sees them."""

from __future__ import annotations

import hashlib
import threading

import paramiko

from glm47_tui.node import probe
from glm47_tui.node.detect import model_choices, mount_choices, nic_choices
from glm47_tui.remote import PushFile, RemoteError
from tests.demo.conftest import Lab


def test_facts_of_an_atlas_800t_a2(shared: Lab) -> None:
    facts = probe(shared.fleet.connections[0], shared.profile, 0, patient=True)
    assert not facts.timed_out
    assert facts.system.arch == "aarch64"
    assert facts.system.root
    assert facts.npu.version == "25.2.1"
    assert [n.name for n in facts.npu.npus] == ["910B2"] * 8
    assert {n.health for n in facts.npu.npus} == {"OK"}
    assert all(3000 < (n.hbm_used_mb or 0) < 3600 for n in facts.npu.npus)
    assert facts.devices.davinci == tuple(range(8))
    assert facts.driver.version == "25.2.1"
    assert facts.docker.running
    assert [p.npu for p in facts.hccn if p.up and p.tls is False] == list(range(8))
    assert facts.model is not None
    assert facts.model.complete
    assert facts.model.total_size == 716_684_828_672
    assert facts.peer_routes[0].nic == "enp67s0f5"


def test_what_detection_proposes(shared: Lab) -> None:
    both = [probe(shared.fleet.connections[i], shared.profile, i, patient=True) for i in (0, 1)]
    best = nic_choices(both[0], [both[1]])[0]
    assert (best.nic, best.ip) == ("enp67s0f5", "10.77.0.10")
    assert {c.nic for c in nic_choices(both[0], [both[1]])} == {"enp67s0f5", "enp189s0f0"}
    assert mount_choices(both[0])[0].path == "/opt/data"
    assert model_choices(both[0])[0].path == "/opt/data/verification/models/GLM-4.7"


def test_files_hold_what_was_pushed(shared: Lab) -> None:
    data = b"cd /opt/data; echo 10.77.0.10 $'\\x00'\n" + bytes(range(256)) * 300
    path = "/opt/data/push/a file"
    shared.fleet.connections[0].push([PushFile(path, data, 0o755)])
    out = shared.sh('sha256sum "$1" | cut -d" " -f1; stat -c %a "$1"; rm -r /opt/data/push', path)
    assert out.split() == [hashlib.sha256(data).hexdigest(), "755"]


def test_paths_come_back_as_they_are_called(shared: Lab) -> None:
    out = shared.sh(
        'cd /opt/data && pwd; readlink -f .; echo "$HOME"; ls /nowhere /opt/data/no || :'
    )
    assert out.splitlines()[:3] == ["/opt/data", "/opt/data", "/root"]
    result = shared.fleet.connections[0].run("cat /opt/data/no", timeout=20)
    assert "/opt/data/no: No such file" in result.err


def test_a_script_reads_what_is_sent_after_it(shared: Lab) -> None:
    lines: list[str] = []
    done = threading.Event()
    stream = shared.fleet.connections[0].stream(
        'while read -r word path; do echo "$word $path"; ls "$path"; done',
        on_lines=lines.extend,
        on_end=lambda _: done.set(),
    )
    stream.send(b"look /opt/data/verification/models\n")
    while len(lines) < 2 and not done.wait(0.05):
        pass
    stream.close()
    assert done.wait(20)
    assert lines == ["look /opt/data/verification/models", "GLM-4.7"]


def test_the_quickest_commands_are_answered(shared: Lab) -> None:
    host, port = shared.cluster.address(0)
    transport = paramiko.Transport((host, port))
    try:
        key = paramiko.Ed25519Key.from_private_key_file(str(shared.cluster.identity))
        transport.connect(username="root", pkey=key)
        for _ in range(40):
            channel = transport.open_session(timeout=30)
            channel.exec_command("exit 3")
            assert channel.recv_exit_status() == 3
    finally:
        transport.close()


def test_sessions_are_limited_as_by_openssh(shared: Lab) -> None:
    connection = shared.fleet.connections[1]
    results: list[str] = []

    def work() -> None:
        try:
            results.append(connection.run("sleep 0.2; echo done", timeout=60).out)
        except RemoteError as error:  # pragma: no cover - the tool waits for a free session
            results.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["done\n"] * 14


def test_nothing_administrative_reaches_the_machine(shared: Lab) -> None:
    for command in ("reboot", "iptables -F", "mount /dev/sda1 /mnt", "pkill python", "modprobe x"):
        result = shared.fleet.connections[0].run(command, timeout=20)
        assert result.code == 1, command
        assert "simulated" in result.err, command


def test_sysctl_is_the_nodes_own(shared: Lab) -> None:
    key = "net.ipv4.ip_local_reserved_ports"
    shared.sh(f"sysctl -w {key}=60000-60031")
    assert shared.sh(f"sysctl -n {key}; cat /proc/sys/net/ipv4/ip_local_reserved_ports").endswith(
        "60000-60031\n"
    )
    assert "60000" not in shared.sh(f"sysctl {key}", node=1)
    shared.sh(f"sysctl -w {key}=")


def test_hccn_tool(shared: Lab) -> None:
    tool = "/usr/local/Ascend/driver/tools/hccn_tool"
    assert "3 received" in shared.sh(f"{tool} -i 0 -ping -g address 172.22.0.9")
    assert "0 received" in shared.sh(f"{tool} -i 0 -ping -g address 172.22.0.99")
    shared.sh(f"{tool} -i 2 -tls -s enable 1")
    assert "tls switch[1]" in shared.sh(f"{tool} -i 2 -tls -g")
    shared.sh(f"{tool} -i 2 -tls -s enable 0")
    result = shared.fleet.connections[0].run(f"{tool} -i 8 -link -g", timeout=20)
    assert result.code == 1


def test_npu_smi_details(shared: Lab) -> None:
    for what in ("health", "usages", "common", "board", "proc-mem"):
        assert shared.sh(f"npu-smi info -t {what} -i 3").strip(), what
    assert shared.sh("npu-smi info -l").count("NPU ID") == 8
