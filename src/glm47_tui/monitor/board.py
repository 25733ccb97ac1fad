"""Everything a monitor knows, fed by readers and read by faces: no thread, no connection in it.

Live monitoring and the playing of a recording feed the same board, so they show the same.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from glm47_tui.diagnose import NodePhase
from glm47_tui.i18n import Msg
from glm47_tui.monitor.frames import FrameReader, NpuReading, Proc, Sinks
from glm47_tui.monitor.history import Ring
from glm47_tui.monitor.lag import Lag
from glm47_tui.monitor.logs import LogStore
from glm47_tui.monitor.ranks import RankWatch
from glm47_tui.monitor.state import (
    EngineView,
    Link,
    LinkState,
    MonitorState,
    NodeView,
    RankHealth,
    WatchEvent,
    Weight,
)
from glm47_tui.monitor.watches import NodeWatch, Thresholds
from glm47_tui.profile import Profile
from glm47_tui.service import EngineMetrics

EVENTS = 500
"""Events kept."""
METRICS = ("aicore", "hbm", "power", "temp")
"""Series kept per NPU: percent, percent, W, degrees Celsius."""

OnEvent = Callable[[WatchEvent], None]


@dataclass
class _Node:
    view: NodeView
    watch: NodeWatch
    reader: FrameReader | None = None
    rings: dict[tuple[int, str], Ring] = field(default_factory=dict)
    lag: Lag = field(default_factory=Lag)


class Board:
    """Thread-safe. ``clock`` gives seconds since 1970; a player sets it to the recorded time."""

    def __init__(
        self,
        names: Sequence[str],
        addresses: Sequence[str],
        *,
        profile: str = "",
        local_ranks: int = 1,
        thresholds: Thresholds | None = None,
        on_event: OnEvent | None = None,
        on_log: Callable[[int, list[str]], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._profile = profile
        self._clock = clock
        self._lock = threading.RLock()
        self._changes = 0
        self.on_event = on_event
        self.on_log = on_log
        self._events: deque[WatchEvent] = deque(maxlen=EVENTS)
        self._ranks = RankWatch(local_ranks)
        self._engine = EngineView()
        self._rank_health: dict[str, RankHealth] = {}
        self.logs = LogStore(len(names))
        limits = thresholds or Thresholds()
        self._nodes = [
            _Node(NodeView(i, name, address, Link(since=clock())), NodeWatch(i, limits))
            for i, (name, address) in enumerate(zip(names, addresses, strict=True))
        ]
        for i, node in enumerate(self._nodes):
            node.reader = FrameReader(self._sinks(i))

    @staticmethod
    def of(profile: Profile, **more: object) -> Board:
        """Build the board of a profile's nodes."""
        count = len(profile.nodes)
        return Board(
            [profile.node_name(i) for i in range(count)],
            [node.ip for node in profile.nodes],
            profile=profile.name,
            local_ranks=profile.launch.data_parallel_local,
            **more,  # type: ignore[arg-type]
        )

    def reader(self, node: int) -> FrameReader:
        """Return the reader that takes a node's lines: one stream at a time feeds it."""
        reader = self._nodes[node].reader
        assert reader is not None  # noqa: S101 - set in __init__
        return reader

    def _sinks(self, i: int) -> Sinks:
        return Sinks(
            npu=lambda reading: self._npu(i, reading),
            procs=lambda procs: self._procs(i, procs),
            log=lambda lines: self._log(i, lines),
            log_note=lambda note: self._log_note(i, note),
            failed=lambda why: self.event("script", Weight.CRITICAL, i, why=why),
        )

    def _npu(self, i: int, reading: NpuReading) -> None:
        now = self._clock()
        node = self._nodes[i]
        at = now - node.lag.of(now, reading.uptime)
        for npu in reading.table.npus:
            share = None
            if npu.hbm_used_mb is not None and npu.hbm_total_mb:
                share = 100 * npu.hbm_used_mb / npu.hbm_total_mb
            values = (npu.aicore_pct, share, npu.power_w, npu.temp_c)
            for metric, value in zip(METRICS, values, strict=True):
                key = (npu.device, metric)
                ring = node.rings.get(key)
                if ring is None:
                    ring = node.rings[key] = Ring()
                ring.add(value)
        events = node.watch.npu(reading, now)
        with self._lock:
            node.view = replace(
                node.view, npu=reading.table, npu_at=at, npu_took_s=reading.took_s,
                interval_s=reading.interval_s,
            )  # fmt: skip
            self._changes += 1
        for event in events:
            self._say(event)

    def _procs(self, i: int, procs: tuple[Proc, ...]) -> None:
        now = self._clock()
        node = self._nodes[i]
        events = node.watch.procs(procs, now)
        with self._lock:
            node.view = replace(node.view, procs=procs, procs_at=now)
            self._ranks.procs(i, procs)
            self._changes += 1
        for event in events:
            self._say(event)
        self.judge()

    def _log(self, i: int, lines: list[str]) -> None:
        self.logs.feed(i, lines)
        node = self._nodes[i]
        with self._lock:
            node.view = replace(node.view, log_lines=self.logs.count(i), log_at=self._clock())
            self._changes += 1
        if self.on_log is not None:
            self.on_log(i, lines)

    def _log_note(self, i: int, note: str) -> None:
        if note in ("rotated", "truncated", "lost"):
            weight = Weight.INFO if note == "rotated" else Weight.WARNING
            self.event(f"log_{note}", weight, i)

    def link(self, i: int, link: Link) -> None:
        """Note the state of a node's connection."""
        with self._lock:
            before = self._nodes[i].view.link
            self._nodes[i].view = replace(self._nodes[i].view, link=link)
            self._changes += 1
        if link.state is LinkState.RETRYING and before.state is LinkState.UP:
            self.event("link_lost", Weight.WARNING, i, error=link.error)
        elif link.state is LinkState.UP and before.attempt > 0:
            self.event("link_back", Weight.INFO, i)

    def metrics(
        self, found: EngineMetrics | None, *, healthy: bool | None, error: str = ""
    ) -> None:
        """Take a reading of /metrics, or why there is none."""
        now = self._clock()
        with self._lock:
            if found is not None:
                self._ranks.metrics(found, now)
                self._engine = replace(self._engine, at=now, healthy=healthy, error="")
            else:
                self._engine = replace(self._engine, healthy=healthy, error=error)
            self._changes += 1
        self.judge()

    def ranks_to_ask(self) -> tuple[str, ...]:
        """Return the ranks that stand still and should be asked for a token."""
        with self._lock:
            return self._ranks.to_ask(self._clock())

    def rank_asked(self, engine: str) -> None:
        """Note that a rank was asked."""
        with self._lock:
            self._ranks.asked(engine, self._clock())

    def rank_answered(self, engine: str, ok: bool) -> None:
        """Note a rank's answer."""
        with self._lock:
            self._ranks.answered(engine, self._clock(), ok)
        self.judge()

    def judge(self) -> None:
        """Work out which rank lives, and say what changed."""
        now = self._clock()
        events = []
        with self._lock:
            views = self._ranks.judge(now)
            self._engine = replace(self._engine, ranks=tuple(views))
            for view in views:
                before = self._rank_health.get(view.engine, RankHealth.UNKNOWN)
                self._rank_health[view.engine] = view.health
                bad = (RankHealth.HUNG, RankHealth.DEAD)
                values = {"rank": view.engine, "node": view.node}
                if view.health in bad and before not in bad:
                    what = Msg.of(
                        f"monitor.event.rank_{view.health.value}", **values, reason=view.reason
                    )
                    events.append(
                        WatchEvent(
                            now, f"rank_{view.health.value}", Weight.CRITICAL, view.node, what
                        )
                    )
                elif before in bad and view.health not in (*bad, RankHealth.SUSPECT):
                    what = Msg.of("monitor.event.rank_back", **values)
                    events.append(WatchEvent(now, "rank_back", Weight.INFO, view.node, what))
        for event in events:
            self._say(event)

    def event(self, kind: str, weight: Weight, node: int | None, **values: object) -> None:
        """Add an event of a kind that has a text ``monitor.event.<kind>``."""
        what = Msg.of(f"monitor.event.{kind}", **values)
        self._say(WatchEvent(self._clock(), kind, weight, node, what))

    def diagnosed(self, event: WatchEvent) -> None:
        """Add a finding of the diagnosis as an event."""
        self._say(event)

    def phase(self, node: int, phase: NodePhase) -> None:
        """Note how far the start of a node's engine has come, by its log."""
        with self._lock:
            self._nodes[node].view = replace(self._nodes[node].view, phase=phase)
            self._changes += 1

    def _say(self, event: WatchEvent) -> None:
        with self._lock:
            self._events.append(event)
            self._changes += 1
        if self.on_event is not None:
            self.on_event(event)

    def snapshot(self) -> MonitorState:
        """Return everything at this moment."""
        with self._lock:
            return MonitorState(
                at=self._clock(),
                profile=self._profile,
                nodes=tuple(node.view for node in self._nodes),
                engine=self._engine,
                events=tuple(self._events),
                changes=self._changes,
            )

    @property
    def changes(self) -> int:
        """Grows with every change; cheap to ask."""
        return self._changes

    def history(self, node: int, device: int, metric: str, points: int) -> Sequence[float]:
        """Return the last values of one series (see :data:`METRICS`), the newest last."""
        ring = self._nodes[node].rings.get((device, metric))
        return ring.last(points) if ring is not None else []
