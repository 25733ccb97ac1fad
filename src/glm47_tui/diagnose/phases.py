"""Log line -> phase of an engine's start, as vLLM 0.13.0 and vllm-ascend 0.13.0rc1 print them.

Where each text comes from is said beside it. The phases are the values of ``deploy.events.Phase``
(as words: this room does not import that one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from glm47_tui.diagnose.lines import parse_head, plain

STARTING = "starting"
WAITING_PEER = "waiting_peer"
WEIGHTS = "weights"
PROFILING = "profiling"
CAPTURE = "capture"
SERVING = "serving"
GONE = "gone"


@dataclass(frozen=True)
class PhaseSeen:
    """An engine is in ``phase`` (a value of ``deploy.events.Phase``), ``fraction`` 0..1 of it.

    ``detail`` is a word of the log for people: ``42/93``, ``KV 131,072 tokens``, an address, or
    ``rank 8 of 16`` while the NPUs connect.
    """

    phase: str
    fraction: float | None = None
    detail: str = ""


HEAD_STARTS = "vLLM API server version"  # entrypoints/openai/api_server.py:1351
WORKER_STARTS = "Launching "  # entrypoints/cli/serve.py:120 and :135, with --headless

# Beginnings of messages and the step each leads to. The fast scan lets INFO lines through that
# begin so, and no others.
_STEPS: dict[str, tuple[int, str]] = {
    # v1/engine/utils.py:821, on the head when there is data parallel: from here on it waits for
    # the other nodes, in silence.
    "Started DP Coordinator process": (1, WAITING_PEER),
    # v1/engine/core.py:93, data parallel rank 0: the Gloo group of all nodes is complete.
    "Initializing a V1 LLM engine": (2, STARTING),
    # distributed/parallel_state.py:1203, each worker before HCCL starts.
    "world_size=": (2, STARTING),
    # vllm_ascend worker/model_runner_v1.py:2227; v1/worker/gpu_model_runner.py:3562
    "Starting to load model": (3, WEIGHTS),
    # model_loader/weight_utils.py:640 (tqdm, rank 0 of a node alone)
    "Loading safetensors checkpoint shards": (3, WEIGHTS),
    # vllm_ascend worker/model_runner_v1.py:2243; v1/worker/gpu_model_runner.py:3659
    "Loading model weights took": (4, PROFILING),
    "Model loading took": (4, PROFILING),
    # vllm_ascend worker/worker.py:283; v1/worker/gpu_worker.py:375; v1/core/kv_cache_utils.py:1291
    "Available memory: ": (4, PROFILING),
    "Available KV cache memory": (4, PROFILING),
    "GPU KV cache size": (4, PROFILING),
    # vllm_ascend worker/worker.py:368 and model_runner_v1.py:2945, 2954 (tqdm), 3063
    "Compile and warming up model": (5, CAPTURE),
    "Starting to capture ACL graphs": (5, CAPTURE),
    "Capturing ACL graphs": (5, CAPTURE),
    "Capturing CUDA graphs": (5, CAPTURE),
    "Graph capturing finished": (5, CAPTURE),
    # v1/engine/core.py:259
    "init engine (profile": (5, CAPTURE),
    # uvicorn, on the head
    "Application startup complete": (6, SERVING),
    # entrypoints/launcher.py:110; entrypoints/cli/serve.py:158, headless
    "Shutting down FastAPI HTTP server": (7, GONE),
    "Shutting down.": (7, GONE),
}
MARKS = (HEAD_STARTS, WORKER_STARTS, *_STEPS)
_GONE = (
    "EngineCore failed to start",
    "EngineCore encountered a fatal error",
    "Engine core initialization failed",
    "WorkerProc initialization failed",
    "died unexpectedly",
    "EngineDeadError",
    "KeyboardInterrupt: terminated",  # stopped while starting: api_server.py:1377
    ": error: ",  # argparse: usage and the end
    "invalid tool call parser",  # KeyError
    "invalid reasoning parser",
)
_BAR = re.compile(r"(\d{1,3})%(?: Completed)?\s*\|.*?(\d+)/(\d+)")
_TOKENS = re.compile(r"GPU KV cache size: ([\d,]+) tokens")
_ADDRESS = re.compile(r"head node address (\S+?)\.?(?: |$)")
_RANK = re.compile(r"world_size=(\d+) rank=(\d+)")
_MODE = re.compile(r"mode: (\w+)")


def is_run_head(message: str) -> bool:
    """True when a message opens a run of ``vllm serve``."""
    if message.startswith(HEAD_STARTS):
        return True
    return message.startswith(WORKER_STARTS) and "headless" in message


class PhaseReader:
    """Follows one node's log: give it each line in turn.

    A node is taken for a worker (it serves as soon as its engine is initialised, and prints
    nothing more then) when its log says that it was launched headless.
    """

    def __init__(self, node: str = "") -> None:
        self.node = node
        self.headless = False
        self.current = PhaseSeen(STARTING)
        self._step = 0

    def read(self, line: str) -> PhaseSeen | None:
        """Return the phase when a line changes it (or its fraction or detail), else None."""
        if not _may_speak(line):
            return None
        text = plain(line.encode("utf-8", "replace"))
        return self.message(text[parse_head(text, 0.0).length :])

    def message(self, message: str) -> PhaseSeen | None:
        """As :meth:`read`, for text without process, level and stamp."""
        if is_run_head(message):
            return self._begin(message)
        for start, (step, phase) in _STEPS.items():
            if message.startswith(start):
                return self._advance(step, phase, message)
        if any(mark in message for mark in _GONE):
            return self._set(7, PhaseSeen(GONE))
        return None

    def _begin(self, message: str) -> PhaseSeen | None:
        self.headless = "headless" in message
        if not self.headless:
            return self._set(0, PhaseSeen(STARTING))
        address = _ADDRESS.search(message)
        return self._set(1, PhaseSeen(WAITING_PEER, None, address[1] if address else ""))

    def _advance(self, step: int, phase: str, message: str) -> PhaseSeen | None:
        now = self.current
        if self._step == 7:
            return None  # only a new run ends that
        if message.startswith("init engine") and self.headless:
            step, phase = 6, SERVING
        fraction, detail = _progress(phase, message)
        if step == 4 and self._step == 3 and now.fraction is not None and now.fraction < 1:
            return None  # a fast rank is through; the slowest one is what the node waits for
        new_pass = message.startswith("Starting to capture")
        if step < self._step or (step == self._step and not new_pass and _less(fraction, now)):
            return None
        if not detail and step == self._step:
            detail = now.detail
        return self._set(step, PhaseSeen(phase, fraction, detail))

    def _set(self, step: int, seen: PhaseSeen) -> PhaseSeen | None:
        changed = seen != self.current
        self._step, self.current = step, seen
        return seen if changed else None


def _less(fraction: float | None, now: PhaseSeen) -> bool:
    return now.fraction is not None and (fraction is None or fraction < now.fraction)


def _progress(phase: str, message: str) -> tuple[float | None, str]:
    if phase in (WEIGHTS, CAPTURE):
        bar = _BAR.search(message)
        if bar:
            return min(int(bar[1]), 100) / 100, f"{bar[2]}/{bar[3]}"
        if message.startswith(("Graph capturing finished", "init engine")):
            return 1.0, ""
        if message.startswith("Starting to capture"):
            mode = _MODE.search(message)
            return 0.0, mode[1] if mode else ""
    if phase == STARTING:
        rank = _RANK.match(message)
        return None, f"rank {rank[2]} of {rank[1]}" if rank else ""
    if phase == PROFILING:
        tokens = _TOKENS.search(message)
        if tokens:
            return 1.0, f"KV {tokens[1]} tokens"
    return None, ""


def _may_speak(line: str) -> bool:
    """A cheap look, for 50,000 lines a second: can this line change the phase at all?"""
    message = line.find("] ") + 2
    if message > 1 and line.startswith(MARKS, message):
        return True
    if "rror" in line or "died unexpectedly" in line or "terminated" in line:
        return True
    bar = line.rfind("\r") + 1
    if line.startswith(MARKS, bar):
        return True
    # Behind a process name, or behind uvicorn's level.
    return any(
        mark in line for mark in ("Loading safetensors", "Capturing ", "Application startup")
    )
