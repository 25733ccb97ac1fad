"""NPUs and their network: what is wrong is found and rightly named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glm47_tui.checks import run
from glm47_tui.checks.matrix import pairs
from glm47_tui.i18n import t
from tests.unit.checks.atlas import (
    BUSY,
    CONTAINER_ID,
    IDLE,
    SAMPLES,
    evidence,
    facts,
    judged,
    profile,
    replace_ping,
    said,
    swap,
)


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("npu-smi: command not found", "missing"),
        ("dcmi model initialized failed, because the device is used. ret is -8020", "used"),
        ("DrvMngGetConsoleLogLevel failed. (ret=4)\ndcmi module initialize failed. ret is -8005",
         "init"),
        ("npu-smi: error while loading shared libraries: libc_sec.so: cannot open shared object "
         "file: No such file or directory", "library"),
        ("bash: /usr/local/bin/npu-smi: Permission denied", "denied"),
        ("", "empty"),
        ("something nobody has seen before", "other"),
    ],
)  # fmt: skip
def test_every_failure_of_npu_smi_has_words_of_its_own(text: str, variant: str) -> None:
    assert said("npu.tool", {"npu": text})[0] == (0, "blocker", variant)
    # What stands on the table keeps quiet: one cause, one finding.
    for check in ("npu.count", "npu.health", "npu.busy", "npu.hbm", "npu.temperature"):
        assert [x for x in said(check, {"npu": text}) if x[0] == 0] == []


def test_a_lost_npu_is_named() -> None:
    rows = IDLE.splitlines(keepends=True)
    lost = "".join(r for i, r in enumerate(rows) if i not in (15, 16, 17))
    found = judged("npu.count", {"npu": lost})[0]
    assert "NPUs 3 are not there" in t(found.found)


def test_an_alarm_is_a_blocker_and_names_the_npu() -> None:
    alarm = swap(
        0, "npu", ("| 3     910B2               | OK ", "| 3     910B2               | Alarm")
    )
    found = judged("npu.health", alarm)[0]
    assert found.severity.value == "blocker"
    assert "NPU 3 Alarm" in t(found.found)


def test_a_warning_of_the_driver_is_a_warning() -> None:
    text = IDLE.replace(
        "| 5     910B2               | OK     ", "| 5     910B2               | Warning"
    )
    assert said("npu.health", {"npu": text})[0] == (0, "warning", "bad")


def _procs(container: str) -> str:
    pids = sorted({int(x) for line in BUSY.splitlines() if "VLLMWorker" in line
                   for x in [line.split("|")[2]]})  # fmt: skip
    return "\n".join(f"{p}\tVLLMWorker_DP\troot\t4700000\t{container}\tVLLM" for p in pids)


def test_a_busy_npu_names_who_holds_it() -> None:
    found = judged("npu.busy", {"npu": BUSY, "npuproc": _procs("d" * 64)})[0]
    assert found.severity.value == "blocker"
    assert "VLLMWorker" in t(found.found)
    assert found.command.startswith("ps -o pid,user")
    assert not found.fixable


def test_our_own_running_engine_is_no_stranger() -> None:
    busy = {"npu": BUSY, "npuproc": _procs(CONTAINER_ID)}
    assert said("npu.busy", busy)[0] == (0, "ok", "own")


def test_full_hbm_without_a_process_is_a_blocker() -> None:
    text = IDLE.replace("3418 / 65536", "59891/ 65536")
    found = judged("npu.busy", {"npu": text})[0]
    assert found.found.id.endswith("held")
    assert "0: 59891 MiB" in t(found.found)


def test_a_driver_without_a_process_table_is_judged_by_hbm() -> None:
    text = (SAMPLES / "npu_smi_910B2x8_idle_24.1.rc3_noproc_issue564.txt").read_text("utf-8")
    assert said("npu.busy", {"npu": text})[0] == (0, "ok", "no_table")


def test_small_mixed_and_hot_npus_are_found() -> None:
    assert said("npu.hbm", {"npu": IDLE.replace("65536", "32768")})[0] == (0, "warning", "small")
    one = IDLE.replace("3418 / 65536", "3418 / 32768")
    assert said("npu.hbm", {"npu": one})[0] == (0, "warning", "mixed")
    hot = IDLE.replace("| 94.2        49 ", "| 94.2        91 ")
    assert said("npu.temperature", {"npu": hot})[0] == (0, "warning", "warning")


@pytest.mark.parametrize(
    ("name", "severity", "variant"),
    [("910B3", "warning", "related"), ("310P3", "blocker", "blocker")],
)
def test_different_npus_are_found(name: str, severity: str, variant: str) -> None:
    other = {"npu": IDLE.replace("910B2", name)}
    assert said("npu.models_equal", other) == [(None, severity, variant)]


def test_the_image_must_be_made_for_the_npus() -> None:
    a3 = IDLE.replace("910B2     ", "Ascend910 ")
    assert said("version.image_family", {"npu": a3})[0] == (0, "warning", "warning")
    wanted = profile(extra='[container]\nimage = "quay.io/ascend/vllm-ascend:v0.13.0rc1-a3"')
    assert said("version.image_family", {"npu": a3}, wanted=wanted)[0] == (0, "ok", "ok")


# The NPU network


@pytest.mark.parametrize(
    ("check", "words", "expected"),
    [
        ("hccn.link", ("@query 2 link 0\nlink status: UP", "@query 2 link 0\nlink status: DOWN"),
         (0, "blocker", "down")),
        ("hccn.link", ("@query 2 link 0\nlink status: UP", "@query 2 link 124"),
         (0, "unknown", "unknown")),
        ("hccn.tool", ("@query 2 link 0\nlink status: UP", "@query 2 link 124"),
         (0, "unknown", "some")),
        ("hccn.address", ("@query 5 ip 0\nipaddr:11.12.165.85\nnetmask:255.255.255.0",
                          "@query 5 ip 1\nGet ipconf failed, because no ip was preset there!"),
         (0, "blocker", "none")),
        ("hccn.address", ("@query 5 ip 0\nipaddr:11.12.165.85\nnetmask:255.255.255.0",
                          "@query 5 ip 124"), (0, "unknown", "unknown")),
        ("hccn.distinct", ("11.12.165.85", "11.12.165.90"), (None, "blocker", "blocker")),
        ("hccn.health", ("@query 4 net_health 0\nnet health status: Success",
                         "@query 4 net_health 0\nnet health status: Fault"),
         (0, "warning", "fault")),
        ("hccn.health", ("@query 4 net_health 0\nnet health status: Success",
                         "@query 4 net_health 0\nnet health status: Init"), (0, "info", "init")),
        ("hccn.netdetect", ("@query 1 netdetect 0\nnetdetect address: 11.12.165.1",
                            "@query 1 netdetect 1"), (0, "ok", "ok")),
        ("hccn.netdetect", ("@query 1 netdetect 0\nnetdetect address: 11.12.165.1",
                            "@query 1 netdetect 0\n"), (0, "info", "info")),
        ("hccn.conf", ("address_3=11.12.165.83", "address_3=11.12.165.99"),
         (0, "warning", "warning")),
        ("hccn.conf", ("address_", "nothing_"), (0, "info", "empty")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_npu_network_is_found(check, words, expected) -> None:
    assert expected in said(check, swap(0, "hccn", words))


def test_gateways_are_needed_between_subnets_only() -> None:
    far = [("255.255.255.0", "255.255.255.248")]
    assert said("hccn.gateway", swap(0, "hccn", *far), swap(1, "hccn", *far)) == [
        (None, "ok", "routed")
    ]
    bare = [*far, ("default gateway:11.12.165.1", "no gateway")]
    assert said("hccn.gateway", swap(0, "hccn", *bare), swap(1, "hccn", *far)) == [
        (None, "warning", "warning")
    ]


def test_a_tls_switch_that_differs_is_mended_where_it_is_on_and_can_be_undone() -> None:
    on = [(f"dev_id:{n}, tls switch[0]", f"dev_id:{n}, tls switch[1]") for n in (0, 3)]
    found = judged("hccn.tls", {}, swap(1, "hccn", *on))
    assert [(f.node, f.severity.value) for f in found] == [(1, "blocker")]
    assert "for i in 0 3; do hccn_tool -i $i -tls -s enable 0; done" in found[0].command
    assert found[0].undo == found[0].command.replace("enable 0", "enable 1")
    assert found[0].fixable


def test_tls_on_everywhere_is_fine() -> None:
    on = [("tls switch[0]", "tls switch[1]")]
    assert said("hccn.tls", swap(0, "hccn", *on), swap(1, "hccn", *on)) == [(None, "ok", "on")]


def test_no_tls_switch_at_all_counts_as_off() -> None:
    none = [("tls switch[0](0:disable, 1:enable), ", "")]
    assert said("hccn.tls", swap(0, "hccn", *none)) == [(None, "ok", "ok")]


def test_hccn_tool_that_is_missing_is_unknown_not_fine() -> None:
    assert said("hccn.tool", {"hccn": ""})[0] == (0, "unknown", "silent")
    seen = evidence()
    gone = replace(
        seen, facts={**seen.facts, 0: replace(seen.facts[0], hccn=(), hccn_missing=True)}
    )
    found = run(profile(), gone, ["hccn.tool"])[0]
    assert (found.severity.value, t(found.found)) == ("unknown", "hccn_tool is not installed")
    assert found.command


# The ping matrix

BOTH = {0: facts(0), 1: facts(1)}
ALL = pairs(profile(), BOTH)


def test_the_matrix_holds_every_pair_once_and_shares_the_work() -> None:
    assert len(ALL) == 64
    ends = {frozenset({(p.source, p.source_npu), (p.target, p.target_npu)}) for p in ALL}
    assert len(ends) == 64
    assert sum(p.source == 0 for p in ALL) == 32
    per_npu = {(p.source, p.source_npu) for p in ALL}
    assert all(sum((p.source, p.source_npu) == n for p in ALL) == 4 for n in per_npu)


def test_an_npu_that_reaches_nobody_is_named() -> None:
    def dead(p) -> bool:
        return (1, 3) in ((p.source, p.source_npu), (p.target, p.target_npu))

    pings = tuple(replace_ping(p, not dead(p)) for p in ALL)
    found = judged("hccn.ping", pings=pings)[0]
    assert found.severity.value == "blocker"
    assert t(found.found).startswith("no pair works with node1 NPU 3: 8 of the 64 NPU pairs")
    assert "hccn_tool -i" in found.command


def test_several_npus_that_reach_nobody_are_named() -> None:
    dead = {(0, 1), (0, 6)}
    pings = tuple(
        replace_ping(p, not dead & {(p.source, p.source_npu), (p.target, p.target_npu)})
        for p in ALL
    )
    words = t(judged("hccn.ping", pings=pings)[0].found)
    assert words.startswith("no pair works with node0 NPU 1, node0 NPU 6: 16 of the 64")


def test_when_nothing_works_no_single_npu_is_blamed() -> None:
    pings = tuple(replace_ping(p, False) for p in ALL)
    assert said("hccn.ping", pings=pings) == [(None, "blocker", "bad")]


def test_pairs_that_fail_without_a_common_end_are_listed() -> None:
    bad = {(0, 0), (2, 3)}
    pings = tuple(replace_ping(p, (p.source_npu, p.target_npu) not in bad) for p in ALL)
    found = judged("hccn.ping", pings=pings)[0]
    assert found.found.id.endswith(".bad")
    assert f"{sum((p.source_npu, p.target_npu) in bad for p in ALL)} of 64" in t(found.found)


@pytest.mark.parametrize("reason", ["no_time", "no_tool", "no_address", "tool broke"])
def test_pairs_without_a_verdict_are_unknown_and_say_why(reason: str) -> None:
    pings = (*(replace_ping(p, True) for p in ALL[1:]), replace(ALL[0], ok=None, detail=reason))
    node, severity, variant = said("hccn.ping", pings=pings)[0]
    assert (node, severity) == (None, "unknown")
    assert variant == (reason if "_" in reason else "unknown")


def test_lost_packets_are_a_warning() -> None:
    pings = (*(replace_ping(p, True) for p in ALL[1:]), replace(ALL[0], ok=True, lost_percent=33.0))
    assert said("hccn.ping", pings=pings) == [(None, "warning", "lossy")]
