"""Every parser of the node room (and of the checks' own scripts), with real text to begin from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glm47_tui.checks.matrix import pairs, read_pings
from glm47_tui.checks.reach import make_plan, read_results
from glm47_tui.node import docker, facts, hccn, host, net, npu_smi, sections, weights
from glm47_tui.node.sections import Section
from tests.unit.checks.atlas import BUSY, IDLE, SAMPLES, profile
from tests.unit.checks.atlas import facts as node_facts
from tests.unit.checks.atlas import sections as healthy

NODE = healthy(0)
BOTH = {0: node_facts(0), 1: node_facts(1)}
PAIRS = pairs(profile(), BOTH)
PLAN = make_plan(profile(), BOTH, token="t")


@dataclass(frozen=True)
class Parser:
    """A parser and texts it must survive variations of."""

    name: str
    parse: Callable[[str], Any]
    seeds: tuple[str, ...]


def _probe_text() -> str:
    body = "\n".join(
        f"@@ section {name} 0 10\n" + "\n".join(f" {line}" for line in text.splitlines()[:40])
        for name, text in NODE.items()
    )
    return f"@@ probe 1\n{body}\n@@ clock 1795552252830964284 1795552253201227746\n@@ end"


def _section(text: str) -> Section:
    return Section("x", 0, 1, text, text)


NPU_SMI = tuple(p.read_text("utf-8") for p in sorted(SAMPLES.glob("npu_smi_*.txt")))

PARSERS = (
    Parser("npu_smi", npu_smi.parse_npu_smi, (IDLE, BUSY, *NPU_SMI)),
    Parser("npu_health", npu_smi.parse_health,
           ("@npu 0\n\tHealth : Alarm\n\tError Code : 0x80E01801\n@npu 1",)),
    Parser("hccn", hccn.parse_hccn, (NODE["hccn"],)),
    Parser("ping", hccn.parse_ping, ("3 packets transmitted, 3 received, 0.00% packet loss",)),
    Parser("driver", hccn.parse_driver, (NODE["driver"],)),
    Parser("cann", hccn.parse_cann, (NODE["inside"],)),
    Parser("inside", facts._inside, (NODE["inside"],)),
    Parser("devices", facts._devices, (NODE["devs"],)),
    Parser("docker", lambda x: docker.parse_docker(_section(x)), (NODE["dockerinfo"],)),
    Parser("images", docker.parse_images, (NODE["image"],)),
    Parser("containers", docker.parse_containers, (NODE["container"],)),
    Parser("pairs", docker.parse_pairs, (NODE["images"], NODE["made"])),
    Parser("system", host.parse_system, (NODE["sys"],)),
    Parser("memory", host.parse_memory, (NODE["mem"],)),
    Parser("disks", host.parse_disks, (NODE["disk"], NODE["dockerdisk"])),
    Parser("df", host.parse_df_total, (NODE["shm"],)),
    Parser("mounts", host.parse_mounts, ("F T 1 2 3 4 5\n/dev/sdc xfs 9 0 9 0% /data",)),
    Parser("limits", host.parse_limits, (NODE["limits"],)),
    Parser("listeners", host.parse_listeners, (
        NODE["ports"], "tcp 0 0 10.0.0.1:22 0.0.0.0:* LISTEN 812/sshd",
        "0: 0100007F:1F90 00000000:0000 0A", f"@owner 7 {'a' * 64}")),
    Parser("firewall", host.parse_firewall, (NODE["fw"], "-P INPUT DROP\nservice ufw active")),
    Parser("processes", host.parse_processes, ("7\tvllm\troot\t4\t-\tvllm serve /m --a b",)),
    Parser("tools", lambda x: host.parse_tools(_section(x)), (NODE["tools"],)),
    Parser("nics", lambda x: net.parse_nics(x, x), (NODE["addr"], NODE["nic"])),
    Parser("routes", net.parse_routes, (NODE["route"],)),
    Parser("models", lambda x: weights.parse_models(x, x), (NODE["model"], NODE["modelsum"])),
    Parser("config", weights.parse_config, (NODE["model"].splitlines()[1][7:],)),
    Parser("sections", sections.split, (_probe_text(),)),
    Parser("probe", facts.parse_probe, (_probe_text(),)),
    Parser("pings", lambda x: read_pings(PAIRS, {0: x, 1: x}), (
        "@@ ping 0 11.12.165.88 0 recv seq=0 | 3 packets transmitted, 3 received, 0.00% loss",
        "@@ ping 1 11.12.165.89 timeout\n@@ missing hccn_tool")),
    Parser("reach", lambda x: read_results(PLAN, {0: x, 1: x}), (
        "@@ tool python3\n@@ listen 8080 ok\n@@ reach 10.77.0.11 60000 open 3\n@@ tool none",)),
)  # fmt: skip
