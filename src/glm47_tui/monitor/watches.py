"""Events: what changed for the worse (or back) between two readings of a node.

An event is an edge, not a state: it is said when it begins and when it ends, once. Limits are the
tool's own and can be set; the driver's word about health counts as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from glm47_tui.i18n import Msg
from glm47_tui.monitor.frames import NpuReading, Proc
from glm47_tui.monitor.state import WatchEvent, Weight
from glm47_tui.node import Npu


@dataclass(frozen=True)
class Thresholds:
    """When a number becomes an event.

    ``hbm_pct`` percent of HBM in use: a vLLM at ``--gpu-memory-utilization 0.9`` sits near 92.
    ``temp_c`` degrees Celsius. ``back`` is how far below the limit ends the event.
    """

    hbm_pct: float = 98.0
    temp_c: float = 85.0
    back: float = 2.0


class NodeWatch:
    """Remembers what was said about one node. Not thread-safe: one feeder per node."""

    def __init__(self, node: int, thresholds: Thresholds) -> None:
        self._node = node
        self._limits = thresholds
        self._raised: set[tuple[str, int, int]] = set()
        self._error: str | None = None
        self._procs: dict[int, str] | None = None

    def npu(self, reading: NpuReading, now: float) -> list[WatchEvent]:
        """Judge one reading of npu-smi."""
        out: list[WatchEvent] = []
        error = reading.table.problem if not reading.table.npus else None
        if error != self._error:
            if error is not None:
                out.append(self._event(now, "npu_smi", Weight.CRITICAL, error=error))
            elif reading.table.npus:
                out.append(self._event(now, "npu_smi_back", Weight.INFO))
            self._error = error
        for npu in reading.table.npus:
            out.extend(self._one(npu, now))
        return out

    def _one(self, npu: Npu, now: float) -> Iterator[WatchEvent]:
        bad = not npu.healthy
        yield from self._edge("health", npu, bad, npu.healthy, now, health=npu.health)
        if npu.hbm_used_mb is not None and npu.hbm_total_mb:
            share = 100 * npu.hbm_used_mb / npu.hbm_total_mb
            high, back = (
                share >= self._limits.hbm_pct,
                share < self._limits.hbm_pct - self._limits.back,
            )
            yield from self._edge("hbm", npu, high, back, now, share=f"{share:.0f}")
        if npu.temp_c is not None:
            high = npu.temp_c >= self._limits.temp_c
            back = npu.temp_c < self._limits.temp_c - self._limits.back
            yield from self._edge("temp", npu, high, back, now, temp=f"{npu.temp_c:g}")

    def _edge(
        self, kind: str, npu: Npu, bad: bool, good: bool, now: float, **values: object
    ) -> Iterator[WatchEvent]:
        key = (kind, npu.id, npu.chip)
        if bad and key not in self._raised:
            self._raised.add(key)
            weight = Weight.CRITICAL if kind == "health" else Weight.WARNING
            yield self._event(now, kind, weight, npu=npu.device, **values)
        elif good and key in self._raised:
            self._raised.discard(key)
            yield self._event(now, f"{kind}_back", Weight.INFO, npu=npu.device, **values)

    def procs(self, procs: tuple[Proc, ...], now: float) -> list[WatchEvent]:
        """Compare the processes of vLLM with the last look: who is gone, who came."""
        names = {p.pid: p.name for p in procs}
        before, self._procs = self._procs, names
        if before is None:
            return []
        out = []
        gone = Counter(name for pid, name in before.items() if pid not in names)
        came = Counter(name for pid, name in names.items() if pid not in before)
        if gone:
            weight = Weight.WARNING if names else Weight.CRITICAL
            out.append(self._event(now, "gone", weight, names=_names(gone), left=len(names)))
        if came:
            out.append(self._event(now, "came", Weight.INFO, names=_names(came)))
        return out

    def _event(self, now: float, kind: str, weight: Weight, **values: object) -> WatchEvent:
        return WatchEvent(now, kind, weight, self._node, Msg.of(f"monitor.event.{kind}", **values))


def _names(counts: Counter[str]) -> str:
    return ", ".join(f"{n} x {name}" if n > 1 else name for name, n in sorted(counts.items()))
