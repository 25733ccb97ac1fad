"""The stand-ins print what the real tools print, and fail as they are told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab.kit import faults
from tests.lab.kit.lab import Lab

SAMPLES = Path(__file__).parents[1] / "unit/node/samples"
IDLE = "npu_smi_910B2x8_idle_25.2.0_issue3906.txt"


def _shape(text: str) -> list[str]:
    """The layout alone: any number is as good as another."""
    return [re.sub(r"\d+(\.\d+)? *", "N", line) for line in text.splitlines()]


def test_npu_smi_has_the_layout_of_the_real_one(healthy: Lab) -> None:
    printed = healthy.run("node0", "npu-smi info").stdout
    real = (SAMPLES / IDLE).read_text()
    assert {len(line) for line in printed.splitlines()} == {98}
    assert _shape(printed) == _shape(real)


@pytest.mark.parametrize(
    ("fault", "command", "seen"),
    [
        ("alarm=3", "npu-smi info", "| 3     910B2               | Alarm "),
        ("driver=missing", "npu-smi info; true", "dcmi module initialize failed. ret is -8005"),
        ("busy=2:4242:python:30000", "npu-smi info", "| 2       0                 | 4242 "),
        ("link_down=5", "{hccn} -i 5 -link -g", "link status: DOWN"),
        ("health_fault=1", "{hccn} -i 1 -net_health -g", "net health status: Fault"),
        ("tls=1", "{hccn} -i 0 -tls -g", "tls switch[1]"),
    ],
)
def test_a_fault_shows_and_goes(healthy: Lab, fault: str, command: str, seen: str) -> None:
    command = command.format(hccn="/usr/local/Ascend/driver/tools/hccn_tool")
    assert seen not in healthy.run("node1", command).stdout
    faults.change(healthy, "node1", [fault])
    assert seen in healthy.run("node1", command).stdout
    assert seen not in healthy.run("node0", command).stdout
    faults.change(healthy, "node1", ["clear"])
    assert seen not in healthy.run("node1", command).stdout


def test_an_unknown_fault_is_refused(healthy: Lab) -> None:
    with pytest.raises(RuntimeError, match="no fault meteor"):
        faults.change(healthy, "node0", ["meteor=1"])
