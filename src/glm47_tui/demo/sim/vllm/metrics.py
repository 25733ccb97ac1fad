"""Counters of the ranks, in the Prometheus text of vLLM 0.13.0."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
INTER = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
E2E = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0)
STEP = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
REASONS = ("stop", "length", "abort")
KV_TOKENS = 120_000
"""Room of a rank's KV cache, in tokens: what usage is a share of."""


class Histogram:
    """Counts by upper bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._sum = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        """Take a value."""
        self._sum += value
        self._count += 1
        for i, bound in enumerate(self._bounds):
            if value <= bound:
                self._counts[i] += 1

    def lines(self, name: str, labels: str) -> list[str]:
        """Return the series."""
        out = [
            f'{name}_bucket{{{labels},le="{float(bound)}"}} {float(count)}'
            for bound, count in zip(self._bounds, self._counts, strict=True)
        ]
        return [
            *out,
            f'{name}_bucket{{{labels},le="+Inf"}} {float(self._count)}',
            f"{name}_count{{{labels}}} {float(self._count)}",
            f"{name}_sum{{{labels}}} {self._sum}",
        ]


class RankCounters:
    """What one rank has done since its start."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = 0
        self.kv = 0
        self.prompt = 0
        self.generated = 0
        self.finished = dict.fromkeys(REASONS, 0)
        self.ttft, self.inter, self.e2e = Histogram(TTFT), Histogram(INTER), Histogram(E2E)
        self.step = Histogram(STEP)


def text(model: str, ranks: dict[int, RankCounters]) -> str:
    """Return the text of ``/metrics``."""
    out: list[str] = []

    def family(name: str, kind: str, about: str) -> None:
        out.extend((f"# HELP {name} {about}", f"# TYPE {name} {kind}"))

    def per_rank(name: str, kind: str, about: str, field: str) -> None:
        family(name.removesuffix("_total") if kind == "counter" else name, kind, about)
        for number, rank in ranks.items():
            value = rank.kv / KV_TOKENS if field == "kv" else getattr(rank, field)
            out.append(f'{name}{{engine="{number}",model_name="{model}"}} {float(value)}')

    def histogram(name: str, about: str, field: str) -> None:
        family(name, "histogram", about)
        for number, rank in ranks.items():
            out.extend(getattr(rank, field).lines(name, f'engine="{number}",model_name="{model}"'))

    per_rank("vllm:num_requests_running", "gauge",
             "Number of requests in model execution batches.", "running")  # fmt: skip
    family("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.")
    out += [f'vllm:num_requests_waiting{{engine="{n}",model_name="{model}"}} 0.0' for n in ranks]
    per_rank("vllm:kv_cache_usage_perc", "gauge",
             "KV-cache usage. 1 means 100 percent usage.", "kv")  # fmt: skip
    per_rank("vllm:prompt_tokens_total", "counter",
             "Number of prefill tokens processed.", "prompt")  # fmt: skip
    per_rank("vllm:generation_tokens_total", "counter",
             "Number of generation tokens processed.", "generated")  # fmt: skip
    family("vllm:num_preemptions", "counter", "Cumulative number of preemption from the engine.")
    out += [f'vllm:num_preemptions_total{{engine="{n}",model_name="{model}"}} 0.0' for n in ranks]
    family("vllm:request_success", "counter", "Count of successfully processed requests.")
    for number, rank in ranks.items():
        for reason, count in rank.finished.items():
            labels = f'engine="{number}",finished_reason="{reason}",model_name="{model}"'
            out.append(f"vllm:request_success_total{{{labels}}} {float(count)}")
    histogram(
        "vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.", "step"
    )
    histogram("vllm:time_to_first_token_seconds",
              "Histogram of time to first token in seconds.", "ttft")  # fmt: skip
    histogram("vllm:inter_token_latency_seconds",
              "Histogram of inter-token latency in seconds.", "inter")  # fmt: skip
    histogram("vllm:e2e_request_latency_seconds",
              "Histogram of e2e request latency in seconds.", "e2e")  # fmt: skip
    family("simulated", "gauge", "These numbers come from the simulation of the glm47-tui demo.")
    out.append("simulated 1.0")
    family("process_start_time_seconds", "gauge", "Start time of the process.")
    out.append(f"process_start_time_seconds {_START}")
    return "\n".join(out) + "\n"


_START = time.time()
