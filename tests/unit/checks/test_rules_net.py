"""Network, reachability and ports: each mistake is found, on the right node, with the way out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glm47_tui.checks import Severity
from glm47_tui.checks.evidence import Reach
from glm47_tui.i18n import t
from tests.unit.checks.atlas import CONTAINER_ID, PROFILE, judged, profile, reached, said, swap

WRONG_NIC = profile(PROFILE.replace('nic = "enp67s0f5"', 'nic = "enp1s0"', 1))
TYPO = profile(PROFILE.replace('nic = "enp67s0f5"', 'nic = "enp67s0f9"', 1))
SWAPPED = profile(
    PROFILE.replace('ip = "10.77.0.10"', 'ip = "X"')
    .replace('ip = "10.77.0.11"', 'ip = "10.77.0.10"')
    .replace('ip = "X"', 'ip = "10.77.0.11"')
)


def test_a_wrongly_chosen_nic_is_found_and_the_right_one_named() -> None:
    found = judged("net.address", wanted=WRONG_NIC)
    assert [(f.node, f.severity) for f in found] == [(0, Severity.BLOCKER), (1, Severity.OK)]
    assert t(found[0].found) == "10.77.0.10 is on enp67s0f5, not on enp1s0"
    assert 'nic = "enp67s0f5"' in t(found[0].fix)


def test_a_nic_that_does_not_exist_is_found_and_those_there_listed() -> None:
    found = judged("net.nic_exists", wanted=TYPO)[0]
    assert found.severity is Severity.BLOCKER
    assert "enp67s0f5 (10.77.0.10), enp1s0 (192.168.5.10)" in t(found.found)
    assert "docker0" not in t(found.found)
    assert 'nic = "enp67s0f5"' in t(found.fix)


def test_an_address_that_is_nowhere_leads_to_the_one_the_facts_speak_for() -> None:
    wanted = profile(PROFILE.replace('ip = "10.77.0.10"', 'ip = "10.77.0.99"'))
    found = judged("net.address", wanted=wanted)[0]
    assert found.found.id.endswith("absent")
    assert 'nic = "enp67s0f5" and ip = "10.77.0.10"' in t(found.fix)


def test_addresses_that_could_not_be_read_are_unknown_not_wrong() -> None:
    assert said("net.address", {"addr": "10.77.0.10 192.168.5.10"})[0] == (0, "unknown", "unknown")


def test_swapped_addresses_are_recognised() -> None:
    assert said("net.address", wanted=SWAPPED) == [
        (0, "blocker", "other_node"),
        (1, "blocker", "other_node"),
    ]


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("net.nic_up", ("nic", ("enp67s0f5 operstate=up carrier=1", "enp67s0f5 operstate=down")),
         (0, "blocker", "blocker")),
        ("net.kind", ("nic", ("driver=hns3\nnic enp1s0", "master=bond0\nnic enp1s0")),
         (0, "warning", "member")),
        ("net.subnet", ("addr", ("10.77.0.10/24", "10.77.0.10/29")), (None, "warning", "warning")),
        ("net.route", ("route", ("10.77.0.11 dev enp67s0f5", "10.77.0.11 dev enp1s0")),
         (0, "warning", "warning")),
        ("net.route", ("route", ("src 10.77.0.10 uid", "src 10.77.0.77 uid")),
         (0, "warning", "source")),
        ("net.route", ("route", ("10.77.0.11 dev enp67s0f5 src 10.77.0.10 uid 0 \\",
                                 "RTNETLINK answers: Network is unreachable")),
         (0, "blocker", "none")),
        ("net.route", ("route", ("10.77.0.11 dev enp67s0f5", "local 10.77.0.11 dev lo")),
         (0, "blocker", "local")),
        ("net.mtu", ("nic", ("speed=25000 mtu=1500", "speed=25000 mtu=9000")),
         (None, "warning", "warning")),
        ("net.speed", ("nic", ("speed=25000", "speed=1000")), (None, "warning", "warning")),
        ("net.hostname", ("sys", ("atlas0", "atlas1")), (None, "warning", "warning")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_network_is_found(check, change, expected) -> None:
    assert expected in said(check, swap(0, change[0], change[1]))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", "all"), ("10.77.0.10", "ok"), ("127.0.0.1", "local"), ("10.77.0.99", "absent")],
)
def test_the_api_must_listen_on_an_address_of_node_0(host: str, expected: str) -> None:
    wanted = profile(extra=f'[launch]\nhost = "{host}"')
    assert [x[2] for x in said("net.api_host", wanted=wanted)] == [expected]


def test_an_internal_nic_cannot_serve() -> None:
    text = PROFILE.replace("enp67s0f5", "docker0", 1).replace("10.77.0.10", "172.17.0.1")
    assert said("net.kind", wanted=profile(text))[0] == (0, "blocker", "internal")


# Reachability


def test_a_dropped_port_names_the_firewall_that_drops_it_and_how_to_open_it() -> None:
    tries = tuple(replace(r, way="timeout") if r.use == "rpc" else r for r in reached())
    found = judged("reach.rpc", {"fw": "service firewalld active"}, reach=tries)
    assert [(f.node, f.severity.value) for f in found] == [(0, "blocker")]
    assert "node1 -> 8082" in t(found[0].found)
    assert found[0].command == "firewall-cmd --zone=trusted --add-source=10.77.0.11"
    assert found[0].undo == "firewall-cmd --zone=trusted --remove-source=10.77.0.11"
    assert found[0].fixable


def test_a_nic_that_leads_nowhere_is_answered_with_the_one_that_leads_to_the_peer() -> None:
    other = PROFILE.replace(
        'nic = "enp67s0f5"\nip = "10.77.0.11"', 'nic = "enp1s0"\nip = "192.168.5.11"'
    )
    assert other != PROFILE
    tries = tuple(replace(r, way="timeout") for r in reached())
    found = judged("reach.random", reach=tries, wanted=profile(other))
    for finding in found:
        assert finding.severity is Severity.BLOCKER
        assert 'node1: nic = "enp67s0f5", ip = "10.77.0.11"' in t(finding.fix)


@pytest.mark.parametrize(
    ("firewall", "command"),
    [
        ("service ufw active", "ufw allow from 10.77.0.11"),
        ("-P INPUT DROP", "iptables -I INPUT -s 10.77.0.11 -j ACCEPT"),
        ("-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
         "iptables -I INPUT -s 10.77.0.11 -j ACCEPT"),
        ("type filter hook input priority filter; policy drop;", "nft list ruleset"),
        ("", ""),
    ],
)  # fmt: skip
def test_each_firewall_has_its_own_way_to_be_opened(firewall: str, command: str) -> None:
    tries = tuple(replace(r, way="refused") if r.target == 0 else r for r in reached())
    found = judged("reach.random", {"fw": firewall}, reach=tries)[0]
    assert found.command == command
    assert found.fixable is (bool(command) and command != "nft list ruleset")


@pytest.mark.parametrize(
    ("way", "severity"),
    [
        ("timeout", "blocker"), ("refused", "blocker"), ("unreachable", "blocker"),
        ("stranger", "blocker"), ("held", "ok"), ("deaf", "unknown"), ("failed", "unknown"),
        ("open", "ok"),
    ],
)  # fmt: skip
def test_every_outcome_has_its_verdict(way: str, severity: str) -> None:
    for check in ("reach.rpc", "reach.random", "reach.hccl"):
        assert {x[1] for x in said(check, reach=reached(way))} == {severity}, check


def test_the_api_port_alone_stops_no_deployment() -> None:
    tries = tuple(replace(r, way="timeout") if r.use == "api" else r for r in reached())
    assert said("reach.api", reach=tries) == [(0, "warning", "timeout")]


def test_one_random_port_that_fails_is_enough() -> None:
    tries = (*reached(), Reach(0, 1, 51234, "random", "timeout"))
    assert said("reach.random", reach=tries) == [(0, "ok", "ok"), (1, "blocker", "timeout")]


def test_reachability_that_was_not_tried_is_unknown() -> None:
    assert said("reach.rpc", reach=(), reach_tried=False) == [(None, "unknown", "untried")]


def test_one_node_needs_no_reachability() -> None:
    alone = profile(PROFILE.rpartition("[[nodes]]")[0])
    assert said("reach.rpc", wanted=alone) == said("hccn.ping", wanted=alone) == []


# Ports


def _listening(port: int, container: str = "") -> dict[str, str | None]:
    owner = f"\n@owner 99 {container}" if container else ""
    return {"ports": f'LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("nginx",pid=99,fd=3)){owner}'}


@pytest.mark.parametrize(("check", "port"), [("ports.api", 8080), ("ports.rpc", 8082)])
def test_a_taken_port_names_its_holder(check: str, port: int) -> None:
    found = judged(check, _listening(port))
    assert [(f.node, f.severity.value) for f in found] == [(0, "blocker")]
    assert "nginx (pid 99)" in t(found[0].found)


def test_a_port_of_our_own_engine_is_fine_and_another_containers_is_not() -> None:
    assert said("ports.api", _listening(8080, CONTAINER_ID)) == [(0, "ok", "own")]
    assert said("ports.api", _listening(8080, "d" * 64)) == [(0, "blocker", "blocker")]


def test_ports_of_the_other_nodes_do_not_matter_but_hccls_do() -> None:
    assert said("ports.api", {}, _listening(8080)) == [(0, "ok", "ok")]
    assert said("ports.hccl", {}, _listening(60000))[1] == (1, "blocker", "taken")
    assert said("ports.hccl", {}, _listening(60005))[1] == (1, "warning", "taken")


def test_hccls_ports_follow_the_profiles_environment() -> None:
    moved = profile(extra='[launch.env]\nHCCL_IF_BASE_PORT = "50000"')
    assert said("ports.hccl", _listening(60000), wanted=moved)[0] == (0, "ok", "ok")
    assert said("ports.hccl", _listening(50000), wanted=moved)[0] == (0, "blocker", "taken")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("net/ipv4/ip_local_port_range 32768\t60999\nnet/ipv4/ip_local_reserved_ports ", "warning"),
        ("net/ipv4/ip_local_port_range 32768\t60999\n"
         "net/ipv4/ip_local_reserved_ports 60000-60015", "warning"),
        ("net/ipv4/ip_local_port_range 32768\t60999\n"
         "net/ipv4/ip_local_reserved_ports 8080,60000-60015,60016-60031", "ok"),
        ("net/ipv4/ip_local_port_range 1024\t59999\nnet/ipv4/ip_local_reserved_ports ", "outside"),
    ],
)  # fmt: skip
def test_hccls_ports_want_to_be_reserved(limits: str, expected: str) -> None:
    assert said("ports.reserved", {"limits": limits})[0][2] == expected


def test_reserving_ports_keeps_what_was_reserved_and_can_be_undone() -> None:
    limits = (
        "net/ipv4/ip_local_port_range 32768\t60999\nnet/ipv4/ip_local_reserved_ports 30000-30001"
    )
    found = judged("ports.reserved", {"limits": limits})[0]
    key = "net.ipv4.ip_local_reserved_ports"
    assert found.command == f"sysctl -w {key}=30000-30001,60000-60031"
    assert found.undo == f"sysctl -w {key}=30000-30001"


def test_a_nic_that_leads_nowhere_is_named_with_the_one_that_does() -> None:
    wrong = profile(
        PROFILE.replace('nic = "enp67s0f5"', 'nic = "enp1s0"', 1)
        .replace('ip = "10.77.0.10"', 'ip = "192.168.5.10"', 1)
    )  # fmt: skip
    alone = swap(1, "addr", ("192.168.5.", "192.168.6."))
    assert said("net.subnet", {}, alone, wanted=wrong) == [(None, "warning", "warning")]
    found = judged("net.subnet", {}, alone, wanted=wrong, reach=reached("timeout"))
    assert [(f.node, f.severity) for f in found] == [(0, Severity.BLOCKER)]
    assert "enp1s0 (192.168.5.10)" in t(found[0].found)
    assert 'nic = "enp67s0f5" and ip = "10.77.0.10"' in t(found[0].fix)
