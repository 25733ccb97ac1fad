"""vLLM's own numbers, from its Prometheus text.

Names and labels as vLLM 0.13.0 prints them (``vllm/v1/metrics/loggers.py``): every series carries
``model_name`` and ``engine``, the number of the data-parallel rank. Counters end in ``_total`` in
the text; ``vllm:iteration_tokens_total`` is a histogram whose count is the number of engine steps.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Histogram:
    """A histogram since the start: count and sum, and cumulative counts by upper bound."""

    count: float = 0.0
    sum: float = 0.0
    buckets: tuple[tuple[float, float], ...] = ()

    def since(self, before: Histogram) -> Histogram:
        """What came after an earlier reading; everything when the engine was restarted since."""
        if self.count < before.count:
            return self
        old = dict(before.buckets)
        buckets = tuple((bound, n - old.get(bound, 0.0)) for bound, n in self.buckets)
        return Histogram(self.count - before.count, self.sum - before.sum, buckets)

    @property
    def mean(self) -> float | None:
        """The mean, None when nothing was measured."""
        return self.sum / self.count if self.count > 0 else None

    def quantile(self, share: float) -> float | None:
        """The value below which ``share`` (0..1) of all lie, linear within a bucket."""
        if self.count <= 0 or not self.buckets:
            return None
        rank = share * self.count
        low, below = 0.0, 0.0
        for bound, count in self.buckets:
            if count >= rank:
                if math.isinf(bound) or count == below:
                    return low
                return low + (bound - low) * (rank - below) / (count - below)
            low, below = bound, count
        return low


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
    """Engine steps that made output: stands still when a rank hangs."""
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


_SCALARS: Final = {
    "vllm:num_requests_running": "running",
    "vllm:num_requests_waiting": "waiting",
    "vllm:kv_cache_usage_perc": "kv_usage",
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:generation_tokens_total": "generation_tokens",
    "vllm:iteration_tokens_total_count": "iterations",
    "vllm:request_success_total": "finished",
    "vllm:num_preemptions_total": "preemptions",
    "vllm:prefix_cache_queries_total": "prefix_queries",
    "vllm:prefix_cache_hits_total": "prefix_hits",
}
_HISTOGRAMS: Final = {
    "vllm:time_to_first_token_seconds": "ttft",
    "vllm:inter_token_latency_seconds": "inter_token",
    "vllm:e2e_request_latency_seconds": "e2e",
}
_LINE = re.compile(r"(vllm:\w+)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def _number(word: str) -> float | None:
    try:
        value = float(word.replace("Inf", "inf"))
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        value = _number(found[3])
        if value is not None:
            yield found[1], dict(_LABEL.findall(found[2] or "")), value


class _Rank:
    """What has been read of one rank so far."""

    def __init__(self) -> None:
        self.scalars: dict[str, float] = {}
        self.parts: dict[str, dict[str, float]] = {}
        self.buckets: dict[str, dict[float, float]] = {}

    def take(self, name: str, labels: dict[str, str], value: float) -> None:
        if name in _SCALARS:
            key = _SCALARS[name]
            # request_success has a series a reason: their sum is what ended
            self.scalars[key] = self.scalars.get(key, 0.0) + value
            return
        base, _, part = name.rpartition("_")
        kind = _HISTOGRAMS.get(base)
        if kind is None:
            return
        if part == "bucket":
            bound = _number(labels.get("le", ""))
            if bound is not None:
                self.buckets.setdefault(kind, {})[bound] = value
        elif part in ("count", "sum"):
            self.parts.setdefault(kind, {})[part] = value

    def made(self, engine: str) -> RankMetrics:
        histograms = {
            kind: Histogram(
                self.parts.get(kind, {}).get("count", 0.0),
                self.parts.get(kind, {}).get("sum", 0.0),
                tuple(sorted(self.buckets.get(kind, {}).items())),
            )
            for kind in _HISTOGRAMS.values()
        }
        return RankMetrics(engine, **self.scalars, **histograms)  # type: ignore[arg-type]


def parse_metrics(text: str, *, now: float | None = None) -> EngineMetrics:
    """Parse Prometheus text; lines that are not vLLM's or not well-formed are passed over."""
    ranks: dict[str, _Rank] = {}
    for name, labels, value in _samples(text):
        if "engine" in labels:
            ranks.setdefault(labels["engine"], _Rank()).take(name, labels, value)
    order = sorted(ranks, key=lambda e: (not e.isdigit(), int(e) if e.isdigit() else 0, e))
    made = tuple(ranks[engine].made(engine) for engine in order)
    return EngineMetrics(made, time.time() if now is None else now)
