"""How fast logs are read for a diagnosis, and how much memory that takes.

A generated log of 256 MiB stands for each of four nodes (1 GiB is read); once as a service that
works writes it, once with tracebacks in every third line, their texts differing. Measured in a
process of its own, by wall clock, from the open file to the report.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
from pathlib import Path

from bench.common import Row, python

BOUND_MBS = 100.0
BOUND_MIB = 64.0
FILE_BYTES = 256 << 20
NODES = 4
_FRAMES = (
    "Traceback (most recent call last):",
    '  File "/vllm-workspace/vllm/vllm/entrypoints/openai/serving_chat.py", line 1210, in create',
    "    async for res in result_generator:",
    '  File "/vllm-workspace/vllm/vllm/v1/engine/async_llm.py", line 461, in generate',
    "    out = q.get_nowait() or await q.get()",
    "          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    '  File "/usr/local/python3.11.13/lib/python3.11/asyncio/queues.py", line 158, in get',
    "    await getter",
)


def _line(r: random.Random, when: str) -> str:
    kind = r.random()
    if kind < 0.60:
        return (
            f"(APIServer pid=211) INFO:     10.0.{r.randrange(250)}.{r.randrange(250)}:"
            f'{r.randrange(30000, 60000)} - "POST /v1/chat/completions HTTP/1.1" 200 OK'
        )
    if kind < 0.85:
        return (
            f"(APIServer pid=211) INFO {when} [loggers.py:248] Engine 000: Avg prompt throughput: "
            f"{r.random() * 900:.1f} tokens/s, Avg generation throughput: {r.random() * 300:.1f} "
            f"tokens/s, Running: {r.randrange(8)} reqs, Waiting: 0 reqs, GPU KV cache usage: "
            f"{r.random() * 60:.1f}%, Prefix cache hit rate: {r.random() * 90:.1f}%"
        )
    if kind < 0.96:
        return (
            f"(APIServer pid=211) INFO {when} [logger.py:47] Received request chatcmpl-"
            f"{r.getrandbits(128):032x}: params: SamplingParams(n=1, temperature=1.0, top_p=0.95, "
            f"max_tokens={r.randrange(8192)}), lora_request: None."
        )
    return (
        f"(Worker_DP0_TP{r.randrange(8)}_EP0 pid=412) WARNING {when} [platform.py:269] "
        f"Parameter cudagraph_capture_sizes: {r.randrange(64)} is adjusted."
    )


def _traceback(r: random.Random, when: str) -> list[str]:
    head = f"(APIServer pid=211) ERROR {when} [serving_chat.py:1305] "
    request = f"{r.getrandbits(64):016x}"
    said = r.choice((
        f"ValueError: request {request} asks for {r.randrange(20000)} tokens",
        "RuntimeError: the queue is full",
        f"KeyError: 'chatcmpl-{request}'",
    ))  # fmt: skip
    texts = ["Error in chat completion stream generator.", *_FRAMES, said]
    return [head + text for text in texts]


def generated(errors: bool, size: int = 8 << 20) -> bytes:
    """Return the text of a log, about ``size`` bytes; every third line of a traceback or none."""
    r = random.Random(1)  # noqa: S311
    lines: list[str] = []
    total = clock = 0
    while total < size:
        clock += 1
        when = f"01-12 {clock // 3600 % 24:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
        some = _traceback(r, when) if errors and r.random() < 0.05 else [_line(r, when)]
        lines += some
        total += sum(len(line) + 1 for line in some)
    return ("\n".join(lines) + "\n").encode()


def _measure(path: str) -> None:
    """In the child: read the logs, print what it took as JSON."""
    from glm47_tui.diagnose import diagnose_files

    before = _memory("VmRSS")
    began = time.perf_counter()
    report = diagnose_files([f"node{n}={path}" for n in range(NODES)])
    took, cpu = time.perf_counter() - began, time.process_time()
    grown = _memory("VmHWM") - before
    print(json.dumps({"bytes": report.bytes, "s": took, "cpu": cpu, "mib": grown / 1024}))


def _memory(field: str) -> int:
    """KiB of this process now (VmRSS) or at most so far (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0])


def rows() -> list[Row]:
    """Two rows: a healthy log, a log full of errors."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for errors, name in ((False, "a healthy log"), (True, "every third line of a traceback")):
            path = Path(folder) / "engine.log"
            text = generated(errors)
            with path.open("wb") as handle:
                for _ in range(FILE_BYTES // len(text)):
                    handle.write(text)
            code = f"from bench.diagnose import _measure; _measure({str(path)!r})"
            output = subprocess.run(python("-c", code), check=True, capture_output=True).stdout
            data = json.loads(output)
            speed = data["bytes"] / 1e6 / data["s"]
            ok = speed >= BOUND_MBS and data["mib"] <= BOUND_MIB
            found.append(Row(
                f"`diagnose`, {name}", f"{speed:.0f} MB/s", f">= {BOUND_MBS:.0f} MB/s", ok,
                f"{data['bytes'] / 2**30:.1f} GiB in {data['s']:.1f} s, CPU {data['cpu']:.1f} s, "
                f"{data['mib']:.0f} MiB of memory (bound {BOUND_MIB:.0f})",
            ))  # fmt: skip
    return found


def main() -> int:
    """Print the rows alone; 1 when a bound is not kept."""
    from bench.common import table

    measured = rows()
    print(table(measured))
    return 0 if all(row.ok for row in measured) else 1


if __name__ == "__main__":
    raise SystemExit(main())
