"""vLLM's own numbers, from its Prometheus text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Histogram:
    """A histogram since the start: count and sum, and cumulative counts by upper bound."""

    count: float = 0.0
    sum: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class RankMetrics:
    """One data-parallel rank (label ``engine``). Counters count from the engine's start."""

    engine: str
    running: float = 0.0
    waiting: float = 0.0
    kv_usage: float = 0.0
    """Share of the KV cache in use, 0..1."""
    prompt_tokens: float = 0.0
    generation_tokens: float = 0.0
    iterations: float = 0.0
    """Scheduler steps done: stands still when a rank hangs."""
    finished: float = 0.0
    preemptions: float = 0.0
    prefix_queries: float = 0.0
    prefix_hits: float = 0.0
    ttft: Histogram = field(default_factory=Histogram)
    """Time to first token in seconds."""
    inter_token: Histogram = field(default_factory=Histogram)
    e2e: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True)
class EngineMetrics:
    """All ranks by the time they were read (seconds since 1970)."""

    ranks: tuple[RankMetrics, ...]
    time: float

    @property
    def running(self) -> float:
        """Requests being worked on."""
        return sum(r.running for r in self.ranks)

    @property
    def waiting(self) -> float:
        """Requests in the queue."""
        return sum(r.waiting for r in self.ranks)

    @property
    def generation_tokens(self) -> float:
        """Tokens generated since the start."""
        return sum(r.generation_tokens for r in self.ranks)

    @property
    def prompt_tokens(self) -> float:
        """Prompt tokens read since the start."""
        return sum(r.prompt_tokens for r in self.ranks)


def parse_metrics(text: str, *, now: float | None = None) -> EngineMetrics:
    """Parse Prometheus text; lines that are not vLLM's or not well-formed are passed over."""
    raise NotImplementedError
