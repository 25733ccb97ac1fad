"""The ping matrix of the NPU network: every NPU of every node against every other node's.

Each pair is tried once (an echo proves both ways), half from one side and half from the other, so
that the NPUs of all nodes work side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glm47_tui import assets
from glm47_tui.checks.evidence import Ping
from glm47_tui.node import NodeFacts
from glm47_tui.node.hccn import parse_ping
from glm47_tui.node.probe import NETWORK_S, Runs
from glm47_tui.profile import Profile

PING_S = 6
"""Seconds one ping may take: hccn_tool sends three packets."""
WHOLE_MAX_S = 60
"""Seconds for all pings of a node, however many there are."""

_LOSS = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)% packet loss")


def pairs(profile: Profile, facts: Mapping[int, NodeFacts]) -> tuple[Ping, ...]:
    """List every pair, without a verdict; ``address`` is what the source would ping.

    Pairs of equal number come first: with many nodes the time may not suffice for all.
    """
    devices = profile.container.devices
    addresses = {
        i: {p.npu: p.ip for p in f.hccn if p.ip and p.npu in devices} for i, f in facts.items()
    }
    nodes = sorted(facts)
    found: list[Ping] = []
    for shift in range(len(devices)):
        for k, first in enumerate(nodes):
            for second in nodes[k + 1 :]:
                for at, npu in enumerate(devices):
                    there = (at + shift) % len(devices)
                    ends = ((first, npu), (second, devices[there]))
                    # Half of the pairs are pinged from either side, and evenly by its NPUs.
                    (s, s_npu), (t, t_npu) = ends if (at + there) % 2 == 0 else ends[::-1]
                    address = addresses[t].get(t_npu, "")
                    lacking = not address or s_npu not in addresses[s]
                    detail = "no_address" if lacking else ""
                    found.append(Ping(s, s_npu, t, t_npu, address, detail=detail))
    return tuple(found)


def ping_arguments(wanted: tuple[Ping, ...], node: int) -> tuple[str, ...]:
    """Return the script's arguments for one node: what each of its NPUs pings."""
    lanes: dict[int, list[str]] = {}
    for pair in wanted:
        if pair.source == node and not pair.detail:
            lanes.setdefault(pair.source_npu, []).append(pair.address)
    if not lanes:
        return ()
    whole = whole_seconds(wanted, node)
    return (
        f"limit={PING_S}",
        f"seconds={whole}",
        *(f"{npu}={','.join(addresses)}" for npu, addresses in sorted(lanes.items())),
    )


def whole_seconds(wanted: tuple[Ping, ...], node: int) -> int:
    """Return the seconds a node's pings may take together."""
    lanes: dict[int, int] = {}
    for pair in wanted:
        if pair.source == node and not pair.detail:
            lanes[pair.source_npu] = lanes.get(pair.source_npu, 0) + 1
    return min(WHOLE_MAX_S, PING_S * max(lanes.values(), default=0) + 1)


def ping_all(wanted: tuple[Ping, ...], node: int, connection: Runs) -> str:
    """Run one node's pings; returns the output. RemoteError as the connection raises it."""
    args = ping_arguments(wanted, node)
    if not args:
        return ""
    script = assets.text("scripts", "checks", "hccn_ping.sh")
    return connection.run(script, *args, timeout=whole_seconds(wanted, node) + NETWORK_S).out


def read_pings(wanted: tuple[Ping, ...], outputs: Mapping[int, str]) -> tuple[Ping, ...]:
    """Give every pair its verdict, by the outputs of the nodes that pinged."""
    answers = {node: _answers(text) for node, text in outputs.items()}
    missing = {node for node, text in outputs.items() if "@@ missing" in text}
    return tuple(
        pair if pair.detail else _verdict(pair, answers.get(pair.source), missing)
        for pair in wanted
    )


def _answers(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Read ``@@ ping NPU ADDRESS CODE WORDS`` lines: (code, words) by (npu, address)."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for line in text.replace("\r", "").split("\n"):
        words = line.split(maxsplit=5)
        if words[:2] == ["@@", "ping"] and len(words) >= 5:
            found[words[2], words[3]] = (words[4], words[5] if len(words) > 5 else "")
    return found


def _verdict(
    pair: Ping, answers: dict[tuple[str, str], tuple[str, str]] | None, missing: set[int]
) -> Ping:
    def with_(ok: bool | None, detail: str, lost: float | None = None) -> Ping:
        return Ping(pair.source, pair.source_npu, pair.target, pair.target_npu, pair.address,
                    ok, lost, detail)  # fmt: skip

    if pair.source in missing:
        return with_(None, "no_tool")
    answer = (answers or {}).get((str(pair.source_npu), pair.address))
    if answer is None or answer[0] == "none":
        return with_(None, "no_time")
    code, said = answer
    lost = _LOSS.search(said)
    percent = float(lost.group(1)) if lost else None
    came = parse_ping(said)
    if came is None:
        # No summary: a ping that had to be stopped has lost its packets; else the tool failed.
        quote = said.rpartition(" | ")[2].strip()[:120]
        return with_(False if code != "0" else None, quote or "timeout", percent)
    return with_(came, "", percent)
