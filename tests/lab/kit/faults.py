"""What a node can be told to suffer. The stand-ins read the list at each call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.kit.layout import DATA_DIR, NODES

if TYPE_CHECKING:
    from tests.lab.kit.lab import Lab

KNOWN = {
    "alarm": "N[,N]: health of these NPUs is Alarm",
    "slow": "SECONDS: npu-smi takes so long",
    "driver": "missing: npu-smi and hccn_tool fail as without a driver",
    "busy": "NPU:PID:NAME:MB: somebody else's process holds memory of an NPU",
    "hbm": "MB: memory of all NPUs that a dead process has not given back yet",
    "link_down": "N[,N]: RoCE link of these NPUs is DOWN",
    "health_fault": "N[,N]: net health of these NPUs is Fault",
    "tls": "0|1: the TLS switch of all NPUs",
    "hccn_slow": "SECONDS: hccn_tool takes so long",
    "unreachable": "IP[,IP]: hccn_tool gets no answer from these NPU addresses",
    "vllm_delay": "SECONDS: `vllm` begins so much later",
}
HELP = "faults:\n" + "\n".join(f"  {k}={v}" for k, v in KNOWN.items()) + "\n  clear: none"


def change(lab: Lab, node: str, words: list[str]) -> str:
    """Add faults to a node (or ``clear`` them); returns the list as it is now."""
    if node not in [n.name for n in NODES]:
        raise RuntimeError(f"{node} is no node")
    path = lab.layout.host_dir(node) / DATA_DIR.lstrip("/") / "lab-faults"
    if not path.parent.is_dir():
        raise RuntimeError("the lab is not up")
    now = (
        dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    )
    for word in words:
        if word == "clear":
            now = {}
            continue
        key, _, value = word.partition("=")
        if key not in KNOWN:
            raise RuntimeError(f"no fault {key}\n{HELP}")
        now[key] = value
        if not value:
            del now[key]
    text = "".join(f"{k}={v}\n" for k, v in now.items())
    path.write_text(text)
    return text
