"""npu-smi of every release that was seen, and of none: rows, processes, errors, cut-off text."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm47_tui.node.npu_smi import parse_health, parse_npu_smi, with_faults

SAMPLES = Path(__file__).parent / "samples"
BAR = "+===========================+===============+============================================+"


def sample(name: str) -> str:
    return (SAMPLES / f"npu_smi_{name}.txt").read_text("utf-8")


def test_idle_910b2_of_25_2_0() -> None:
    table = parse_npu_smi(sample("910B2x8_idle_25.2.0_issue3906"))
    assert table.version == "25.2.0"
    assert [n.id for n in table.npus] == list(range(8))
    first = table.npus[0]
    assert (first.name, first.health, first.power_w, first.temp_c) == ("910B2", "OK", 94.2, 49)
    assert (first.aicore_pct, first.hbm_used_mb, first.hbm_total_mb) == (0, 3418, 65536)
    assert (first.bus_id, first.hbm_free_mb, first.device) == ("0000:C1:00.0", 62118, 0)
    assert table.has_processes
    assert table.processes == ()
    assert not table.truncated


def test_busy_910b2_with_several_rows_a_npu() -> None:
    table = parse_npu_smi(sample("910B2x8_busy_vllmDP_25.2.0_issue5111"))
    assert len(table.npus) == 8
    # The pair touches the slash from 10000 MiB on.
    assert all((n.hbm_used_mb or 0) > 40000 for n in table.npus)
    assert {p.name for p in table.processes} == {"VLLMWorker_DP"}
    assert all(n.processes for n in table.npus)


def test_a_driver_that_prints_no_process_table() -> None:
    table = parse_npu_smi(sample("910B2x8_idle_24.1.rc3_noproc_issue564"))
    assert len(table.npus) == 8
    assert not table.has_processes


def test_910b4_under_load() -> None:
    table = parse_npu_smi(sample("910B4x4_busy_load_24.1.rc3_vllmTP_multirow"))
    assert len(table.npus) == 4
    assert max(len(n.processes) for n in table.npus) > 1
    assert any((n.aicore_pct or 0) > 0 for n in table.npus)


def test_an_alarm_is_told_from_ok() -> None:
    table = parse_npu_smi(sample("910B2Cx5_alarm_24.1.rc2_fixture"))
    assert [n.health for n in table.npus] == ["Alarm", "OK", "OK", "OK", "OK"]
    assert [n.healthy for n in table.npus] == [False, True, True, True, True]


def test_a_warning_and_a_process_without_a_name() -> None:
    table = parse_npu_smi(
        f"""
| 0     910B2               | OK            | 93.2        47                0    / 0             |
| 0                         | 0000:C1:00.0  | 75          0    / 0          60185/ 65536         |
{BAR}
| 1     910B2               | Warning       | 91.0        48                0    / 0             |
| 0                         | 0000:01:00.0  | 20          0    / 0          4096 / 65536         |
{BAR}
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
{BAR}
| 0       0                 | 115133        | python                    | 2048                    |
| 1       0                 | 115134        |                           | 72                      |
"""
    )
    assert [n.health for n in table.npus] == ["OK", "Warning"]
    assert [(p.pid, p.name, p.mem_mb) for p in table.processes] == [
        (115133, "python", 2048), (115134, "", 72),
    ]  # fmt: skip


def test_a3_has_two_dies_and_physical_numbers() -> None:
    table = parse_npu_smi(
        f"""
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip  Phy-ID              | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
{BAR}
| 0     Ascend910           | OK            | 178.8       36                0    / 0             |
| 0     0                   | 0000:9D:00.0  | 0           0    / 0          3397 / 65536         |
+------------------------------------------------------------------------------------------------+
| 0     Ascend910           | OK            | -           36                0    / 0             |
| 1     1                   | 0000:9F:00.0  | 0           0    / 0          3186 / 65536         |
"""
    )
    assert [(n.id, n.chip, n.device, n.power_w) for n in table.npus] == [
        (0, 0, 0, 178.8), (0, 1, 1, None),
    ]  # fmt: skip


def test_26_0_is_wider_and_knows_the_pid_in_the_container() -> None:
    table = parse_npu_smi(
        f"""
| npu-smi 26.0.rc2                            Version: 26.0.rc2                              |
| NPU   Name                | Health        | Power(W)             Temp(C)                 Huge  |
| Chip  Phy-ID              | Bus-Id        | AICore(%)            Memory-Usage(MB)        HBM   |
{BAR}
| 7     Ascend910           | OK            | -                    35                      0 / 0 |
| 1     15                  | 0000:83:00.0  | 0                    0    / 0     31877/ 65536     |
{BAR}
| NPU     Chip     | Process id    | Process name | Process memory(MB) | Process id in container |
{BAR}
| 7       1        | 632268        | python3.1    | 197                | NA                      |
| No running processes found in NPU 1                                                        |
"""
    )
    (npu,) = table.npus
    assert (table.version, npu.device, npu.hbm_used_mb) == ("26.0.rc2", 15, 31877)
    assert [(p.pid, p.name, p.mem_mb, p.container_pid) for p in npu.processes] == [
        (632268, "python3.1", 197, None)
    ]


def test_25_7_cuts_the_first_cell_in_two() -> None:
    (npu,) = parse_npu_smi(
        """
| NPU ID | Name             | Health        | Power(W)    Temp(C)           Hugepages-Usage(page) |
|        |                  | Bus-Id        | NPU Util(%) Memory-Usage(MB)  HBM-Usage(MB)         |
+========+==================+===============+=====================================================+
| 0      | Ascend950PR      | OK            | 187.1       46                0     / 0             |
|        |                  | 0000:01:00.0  | 0           0    / 0          6620  / 131072        |
"""
    ).npus
    assert (npu.name, npu.health, npu.hbm_used_mb, npu.hbm_total_mb) == (
        "Ascend950PR", "OK", 6620, 131072,
    )  # fmt: skip


def test_23_0_5_has_ddr_beside_hbm() -> None:
    (npu,) = parse_npu_smi(
        """
| npu-smi 23.0.5                   Version: 23.0.5                                               |
| 0     xxx                 | OK            | 73.1        37                0    / 0             |
| 0                         | 0000:61:00.0  | 0           920  / 13553      0    / 32768         |
"""
    ).npus
    assert (npu.hbm_used_mb, npu.hbm_total_mb) == (0, 32768)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\n"
         "dcmi model initialized failed, because the device is used. ret is -8020", "used"),
        ("dcmi model initialized failed, because the device is used. ret is -802", "used"),
        ("DrvMngGetConsoleLogLevel failed. (ret=4)\ndcmi module initialize failed. ret is -8005",
         "init"),
        ("npu-smi: command not found", "missing"),
        ("bash: npu-smi: No such file or directory", "missing"),
        ("npu-smi: error while loading shared libraries: libdrvdsmi_host.so: cannot open shared "
         "object file: No such file or directory", "library"),
        ("sudo: a password is required\nPermission denied", "denied"),
        ("", "empty"),
        ("\x1b[31m\x1b[0m \r\n", "empty"),
        ("Segmentation fault", "other"),
    ],
)  # fmt: skip
def test_no_table_is_a_problem_with_a_name(text: str, problem: str) -> None:
    table = parse_npu_smi(text)
    assert table.npus == ()
    assert table.problem == problem
    assert table.error is not None


@pytest.mark.parametrize("name", [p.stem[8:] for p in SAMPLES.glob("npu_smi_*.txt")])
def test_a_table_cut_anywhere_never_gives_half_a_number(name: str) -> None:
    whole = parse_npu_smi(sample(name))
    text = sample(name).rstrip("\n")
    full = {(n.id, n.chip): n for n in whole.npus}
    for cut in range(0, len(text), 7):
        table = parse_npu_smi(text[:cut])
        for npu in table.npus:
            known = full[npu.id, npu.chip]
            assert (npu.hbm_used_mb, npu.hbm_total_mb) == (known.hbm_used_mb, known.hbm_total_mb)
            assert npu.processes == known.processes[: len(npu.processes)]
        if 200 < cut < len(text) * 0.9 and not text[:cut].endswith("+"):
            assert table.truncated or text[cut - 1] in "+|\n", cut


def test_escape_codes_and_carriage_returns_change_nothing() -> None:
    text = sample("910B2x8_idle_25.2.0_issue3906")
    coloured = text.replace("OK", "\x1b[32mOK\x1b[0m").replace("\n", "\r\n")
    assert parse_npu_smi(coloured) == parse_npu_smi(text)


def test_the_drivers_words_about_a_sick_npu_are_kept() -> None:
    text = (
        "@npu 0\n\tNPU ID : 0\n\tHealth : Alarm\n\tError Code : 0x80E01801\n"
        "\tError Information : HBM multi-bit error\n"
        "@npu 1\n\tHealth Status : Warning\n\tError Code : NA\n\tError Information : NA\n"
    )
    assert parse_health(text) == {0: "0x80E01801 HBM multi-bit error"}
    table = with_faults(parse_npu_smi(sample("910B2Cx5_alarm_24.1.rc2_fixture")),
                        parse_health(text))  # fmt: skip
    assert table.npus[0].fault == "0x80E01801 HBM multi-bit error"
    assert table.npus[1].fault == ""
