"""Which data-parallel rank lives: from engine counters, processes, and a question of one token.

``/health`` of vLLM 0.13.0 says 200 while an engine is dead, and a hung rank's metrics simply stand
still. So a rank counts as alive while its counters move; a rank whose counters stand still is asked
for one token, pinned to it; only when that is not answered either is it called hung. A rank whose
processes are gone or stopped is named at once. A busy rank moves its iteration counter and is
never asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from glm47_tui.i18n import Msg
from glm47_tui.monitor.frames import Proc
from glm47_tui.monitor.state import RankHealth, RankView
from glm47_tui.service import EngineMetrics, Histogram, RankMetrics

ASK_AFTER_S = 12.0
"""Seconds without movement before a rank is asked."""
ANSWER_S = 12.0
"""Seconds a rank has for one token. Together with ASK_AFTER_S under 30."""
_ENGINE = ("VLLM::EngineCor", "VLLMEngineCor")
_WORKER = ("VLLM::Worker", "VLLMWorker")


@dataclass
class _Rank:
    engine: str
    health: RankHealth = RankHealth.UNKNOWN
    since: float = 0.0
    reason: Msg | None = None
    """Why its health is bad, as shown."""
    evidence: Msg | None = None
    """What its processes say against it; None: nothing."""
    last: RankMetrics | None = None
    last_at: float = 0.0
    moved_at: float = 0.0
    answered_at: float = 0.0
    asked_at: float | None = None
    rates: tuple[float | None, float | None, float | None] = (None, None, None)


@dataclass
class _Node:
    """What was seen of a node's processes, whether or not its ranks are known yet."""

    seen_engine: bool = False
    seen_workers: int = 0
    evidence: Msg | None = None


@dataclass
class RankWatch:
    """State of all ranks. ``local`` ranks live on each node, rank r on node r // local."""

    local: int
    _ranks: dict[str, _Rank] = field(default_factory=dict)
    _nodes: dict[int, _Node] = field(default_factory=dict)

    def metrics(self, found: EngineMetrics, now: float) -> None:
        """Take a reading of /metrics."""
        for rank in found.ranks:
            state = self._ranks.get(rank.engine)
            if state is None:
                state = self._ranks[rank.engine] = _Rank(rank.engine, moved_at=now, since=now)
                node = _node_of(rank.engine, self.local)
                if node in self._nodes:
                    state.evidence = self._nodes[node].evidence
            before = state.last
            if before is None or _counters(before) != _counters(rank):
                state.moved_at = now
            if before is not None and now > state.last_at:
                state.rates = _rates(before, rank, now - state.last_at)
            state.last, state.last_at = rank, now

    def procs(self, node: int, procs: Sequence[Proc]) -> None:
        """Take a look at the processes of a node."""
        engines = [p for p in procs if p.name.startswith(_ENGINE)]
        workers = [p for p in procs if p.name.startswith(_WORKER)]
        stopped = [p for p in (*engines, *workers) if p.state in ("T", "t")]
        seen = self._nodes.setdefault(node, _Node())
        seen.seen_engine = seen.seen_engine or bool(engines)
        # Another engine may have another number of workers.
        seen.seen_workers = max(seen.seen_workers, len(workers)) if engines else 0
        seen.evidence = _evidence(seen, engines, workers, stopped)
        for state in self._on(node):
            state.evidence = seen.evidence

    def _on(self, node: int) -> list[_Rank]:
        return [r for r in self._ranks.values() if _node_of(r.engine, self.local) == node]

    def to_ask(self, now: float) -> tuple[str, ...]:
        """Return the ranks whose silence should be tested now."""
        return tuple(
            r.engine
            for r in self._ranks.values()
            if r.asked_at is None and r.evidence is None
            and now - max(r.moved_at, r.answered_at) >= ASK_AFTER_S
        )  # fmt: skip

    def asked(self, engine: str, now: float) -> None:
        """Note that a rank was asked for a token."""
        self._ranks[engine].asked_at = now

    def answered(self, engine: str, now: float, ok: bool) -> None:
        """Note its answer, or that none came within ANSWER_S."""
        state = self._ranks[engine]
        state.asked_at = None
        if ok:
            state.answered_at = now
        elif state.evidence is None and state.moved_at <= now - ANSWER_S:
            silent = int(now - max(state.moved_at, state.answered_at))
            culprit = next((r.engine for r in self._ranks.values() if r.evidence is not None), None)
            if culprit is None:
                reason = Msg.of("monitor.rank.silent", seconds=silent)
                self._set(state, RankHealth.HUNG, now, reason)
            else:
                # Ranks step together: with one of them down the others wait, and are not to blame.
                reason = Msg.of("monitor.rank.held_up", rank=culprit)
                self._set(state, RankHealth.WAITING, now, reason)

    def judge(self, now: float) -> list[RankView]:
        """Work out every rank's health; views in the order of the ranks."""
        for state in self._ranks.values():
            self._judge(state, now)
        order = sorted(self._ranks.values(), key=lambda r: (len(r.engine), r.engine))
        return [self._view(r) for r in order]

    def _judge(self, state: _Rank, now: float) -> None:
        if state.evidence is not None:
            hung = state.evidence.id == "monitor.rank.stopped"
            health = RankHealth.HUNG if hung else RankHealth.DEAD
            self._set(state, health, now, state.evidence)
            return
        alive_at = max(state.moved_at, state.answered_at)
        silent = (RankHealth.HUNG, RankHealth.DEAD, RankHealth.WAITING)
        if state.health in silent and alive_at <= state.since:
            return  # until it moves or answers again
        loaded = state.last is not None and (state.last.running or state.last.waiting)
        if now - alive_at >= ASK_AFTER_S and state.asked_at is not None:
            self._set(state, RankHealth.SUSPECT, now, Msg.of("monitor.rank.asking"))
        else:
            self._set(state, RankHealth.BUSY if loaded else RankHealth.IDLE, now, None)

    @staticmethod
    def _set(state: _Rank, health: RankHealth, now: float, reason: Msg | None) -> None:
        if state.health != health:
            state.health, state.since = health, now
        state.reason = reason

    def _view(self, state: _Rank) -> RankView:
        last = state.last or RankMetrics(state.engine)
        prompt, generated, ttft = state.rates
        return RankView(
            engine=state.engine,
            node=_node_of(state.engine, self.local),
            health=state.health,
            since=state.since,
            reason=state.reason,
            running=last.running,
            waiting=last.waiting,
            kv_usage=last.kv_usage,
            prompt_per_s=prompt,
            generation_per_s=generated,
            ttft_s=ttft,
        )


def _evidence(
    seen: _Node, engines: list[Proc], workers: list[Proc], stopped: list[Proc]
) -> Msg | None:
    if seen.seen_engine and not engines:
        return Msg.of("monitor.rank.process_gone")
    if seen.seen_workers and not workers:
        return Msg.of("monitor.rank.workers_gone", count=seen.seen_workers)
    if stopped:
        return Msg.of("monitor.rank.stopped", name=stopped[0].name, pid=stopped[0].pid)
    return None


def _node_of(engine: str, local: int) -> int | None:
    return int(engine) // local if engine.isdigit() else None


def _counters(rank: RankMetrics) -> tuple[float, ...]:
    return (rank.iterations, rank.prompt_tokens, rank.generation_tokens, rank.finished)


def _rates(
    before: RankMetrics, now: RankMetrics, seconds: float
) -> tuple[float | None, float | None, float | None]:
    if now.generation_tokens < before.generation_tokens:
        return (None, None, None)  # the engine was started again
    prompt = (now.prompt_tokens - before.prompt_tokens) / seconds
    generated = (now.generation_tokens - before.generation_tokens) / seconds
    ttft: Histogram = now.ttft.since(before.ttft)
    return (max(0.0, prompt), max(0.0, generated), ttft.mean)
