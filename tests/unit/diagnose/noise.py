"""Harmless lines as both nodes print them, deterministic: the haystack around every needle."""

from __future__ import annotations

import random

SHARDS = 93


def healthy(count: int, seed: int = 1, clock: int = 36_000) -> list[str]:
    """Return ``count`` lines of a service that works; ``clock`` is the first second of the day."""
    r = random.Random(seed)  # noqa: S311
    lines = []
    for _ in range(count):
        clock += r.randrange(0, 3)
        lines.append(_one(r, stamp(clock)))
    return lines


def stamp(clock: int) -> str:
    """Return vLLM's stamp of a second of 12 January."""
    return f"01-12 {clock // 3600 % 24:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"


def _one(r: random.Random, when: str) -> str:
    worker = r.randrange(8)
    return r.choice((
        f'(APIServer pid=211) INFO:     10.77.0.{r.randrange(250)}:{r.randrange(30000, 60000)} - '
        '"POST /v1/chat/completions HTTP/1.1" 200 OK',
        f"(APIServer pid=211) INFO {when} [loggers.py:248] Engine 000: Avg prompt throughput: "
        f"{r.random() * 900:.1f} tokens/s, Avg generation throughput: {r.random() * 300:.1f} "
        "tokens/s, Running: 4 reqs, Waiting: 0 reqs, GPU KV cache usage: 12.0%, "
        "Prefix cache hit rate: 31.4%",
        f"(Worker_DP0_TP{worker}_EP{worker} pid={412 + worker}) INFO {when} "
        "[parallel_state.py:1411] rank 0 in world size 16 is assigned as DP rank 0, PP rank 0",
        f"(APIServer pid=211) INFO {when} [logger.py:47] Received request chatcmpl-"
        f"{r.random():.8f}: params: SamplingParams(n=1, temperature=1.0), lora_request: None.",
        f"(APIServer pid=211) WARNING {when} [system_utils.py:264] Found ulimit of 20000 and "
        "failed to automatically increase with error current limit exceeds maximum limit. This can "
        "cause fd limit errors like `OSError: [Errno 24] Too many open files`. Consider increasing "
        "with ulimit -n",
        # A user may ask about anything, and a request log repeats it.
        f"(APIServer pid=211) INFO {when} [logger.py:76] Generated response chatcmpl-1: output: "
        "'If you see EI0006 or NPU out of memory or Connection closed by peer, look at the first "
        "node. [Errno 98] means ...', output_token_ids: [1], finish_reason: stop",
        f"(Worker_DP0_TP{worker}_EP{worker} pid={412 + worker}) WARNING {when} [platform.py:269] "
        "Parameter cudagraph_capture_sizes is set, it is used as it is.",
        "[rank0]:[W112 10:00:01.123456789 compiler_depend.ts:28] Warning: The oprator of ne is "
        "executed, Currently High Accuracy but Low Performance OP. (function operator())",
    ))  # fmt: skip
