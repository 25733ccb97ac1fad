"""Streams as they come from nodes, made on this machine, into the real monitor's app.

``python -m bench.feeder log RATE SECONDS FILE`` and ``... nodes COUNT SECONDS FILE`` run the app on
the terminal they are given; FILE receives what was fed.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path

from glm47_tui.i18n import set_language
from glm47_tui.monitor.board import Board
from glm47_tui.screens.watching import MonitorApp

SAMPLE = """\
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
"""
BATCH = 500


def npu_frame(seed: int) -> list[str]:
    """One answer of npu-smi for eight NPUs, numbers by the seed."""
    dice = random.Random(seed)  # noqa: S311
    rule = "+===========================+===============+====================" + "=" * 32 + "+"
    rows = [f"| npu-smi 25.2.0                   Version: 25.2.0{'':47}|", *SAMPLE.splitlines()]
    for i in range(8):
        first = f"| {i}     910B2               | OK            | {dice.uniform(90, 300):<11.1f} "
        second = f"| 0                         | 0000:{i:02X}:00.0  | {dice.randint(0, 99):<11} "
        rows.append(f"{first}{dice.randint(40, 70):<17} 0    / 0             |")
        rows.append(f"{second}0    / 0          {dice.randint(50000, 60000)}/ 65536         |")
        rows.append(rule)
    rows.append(
        "| NPU     Chip              | Process id    | Process name             | Process |"
    )
    rows += [f"| {i}       0                 | {4000 + i}          | VLLMWorker_DP | 43095 |"
             for i in range(8)]  # fmt: skip
    return ["@@ npu 1.0 0 80 1.0", *(f" {row}" for row in rows), "@@ end"]


def log_lines(first: int, count: int) -> list[str]:
    """Lines as vLLM writes them under load, with a blank in front as the watch script does."""
    return [
        f" (EngineCore_DP0 pid=4711) INFO 11-24 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02} "
        f"[loggers.py:248] Engine 000: Avg prompt throughput: {n % 977}.3 tokens/s, Avg generation "
        f"throughput: {n % 313}.9 tokens/s, Running: 8 reqs, Waiting: 0 reqs"
        for n in range(first, first + count)
    ]


class Feeder:
    """Has a monitor's face; its threads feed the board through the real frame reader."""

    def __init__(self, nodes: int, work: str, rate: int, seconds: float) -> None:
        names = [f"node{i}" for i in range(nodes)]
        self.board = Board(names, [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(nodes)])
        self._work, self._rate, self._seconds = work, rate, seconds
        self._stop = threading.Event()
        self.fed = 0
        self.took = 0.0

    def start(self) -> None:
        """Begin to feed."""
        target = self._log if self._work == "log" else self._npus
        threading.Thread(target=target, daemon=True).start()

    def stop(self) -> None:
        """Cease."""
        self._stop.set()

    def _log(self) -> None:
        reader = self.board.reader(0)
        reader.feed(["@@ log 1 0 new"])
        began = time.perf_counter()
        texts = [log_lines(i * BATCH, BATCH) for i in range(40)]
        while not self._stop.is_set() and time.perf_counter() - began < self._seconds:
            head = [f"@@ log 1 {self.fed} -"]
            reader.feed([*head, *texts[self.fed // BATCH % len(texts)], "@@ end"])
            self.fed += BATCH
            self.took = time.perf_counter() - began
            ahead = self.fed / self._rate - self.took if self._rate else 0.0
            if ahead > 0.001:
                time.sleep(ahead)

    def _npus(self) -> None:
        frames = [npu_frame(i) for i in range(64)]
        nodes = len(self.board.snapshot().nodes)
        began = time.perf_counter()
        turn = 0
        while not self._stop.is_set():
            for i in range(nodes):
                self.board.reader(i).feed(frames[(turn * 7 + i) % len(frames)])
                due = began + turn + (i + 1) / nodes
                # Nodes answer spread over the second, in small groups.
                if i % 8 == 7 and due - time.perf_counter() > 0.001:
                    time.sleep(due - time.perf_counter())
            turn += 1
            self.fed += nodes
            time.sleep(max(0.0, began + turn - time.perf_counter()))


def main() -> None:
    """Run the app on this terminal."""
    work, number, seconds, file = sys.argv[1:5]
    set_language("en")
    log = work == "log"
    feeder = Feeder(1 if log else int(number), work, int(number) if log else 0, float(seconds))
    MonitorApp(feeder).run()  # type: ignore[arg-type]
    Path(file).write_text(json.dumps({"fed": feeder.fed, "took": feeder.took}))


if __name__ == "__main__":
    main()
