"""What a node is: one probe script, one round trip, typed facts."""

from __future__ import annotations

from glm47_tui.node.facts import Clock, Devices, Inside, NodeFacts, parse_probe
from glm47_tui.node.npu_smi import Npu, NpuProcess, NpuTable, parse_npu_smi
from glm47_tui.node.probe import (
    Look,
    look,
    look_again,
    look_all,
    probe,
    probe_all,
    probe_arguments,
)
from glm47_tui.node.propose import Suggestion, propose
from glm47_tui.render.looks import probe_script

__all__ = [
    "Clock",
    "Devices",
    "Inside",
    "Look",
    "NodeFacts",
    "Npu",
    "NpuProcess",
    "NpuTable",
    "Suggestion",
    "look",
    "look_again",
    "look_all",
    "parse_npu_smi",
    "parse_probe",
    "probe",
    "probe_all",
    "probe_arguments",
    "probe_script",
    "propose",
]
