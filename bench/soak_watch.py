"""The watching side of the soak: the real Monitor, no screen, and a witness beside it.

``python -m bench.soak_watch PROFILE`` runs where the tool runs. It prints one JSON object a line
for whatever happens, and ends when its standard input does. What it holds the monitor to is worked
out from what the nodes sent, not from what the monitor says of itself:

- numbers of log lines: gaps and repeats, per node;
- freshness: a reading that is not called stale must not have been made (the node's clock; all hosts
  of the lab share one) more than three intervals ago;
- memory, threads and files of this process; states of the connections as they change.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glm47_tui.monitor import Monitor, MonitorState
from glm47_tui.monitor.frames import NpuReading
from glm47_tui.profile import load
from glm47_tui.remote import Nobody, connect_one
from glm47_tui.service import EngineMetrics

NUMBER = re.compile(r"\bsoak (\d+) ")
SLACK_S = 0.35
"""What a look at the clock may be late on a busy machine."""
_PRINT = threading.Lock()


def say(what: str, **values: Any) -> None:
    """Print one object."""
    with _PRINT:
        print(json.dumps({"what": what, "at": round(time.time(), 3), **values}), flush=True)


class Numbers:
    """Counts a node's lines: each number once, in order."""

    def __init__(self, node: int) -> None:
        self.node = node
        self.last: int | None = None
        self.seen = 0

    def take(self, lines: Sequence[str]) -> None:
        """Look at lines as the monitor hands them on."""
        for line in lines:
            found = NUMBER.search(line)
            if found is None:
                say("odd", node=self.node, line=line[:200])
                continue
            number = int(found[1])
            self.seen += 1
            if self.last is not None and number != self.last + 1:
                kind = "gap" if number > self.last else "repeat"
                say(kind, node=self.node, after=self.last, came=number)
            self.last = number


class Witness:
    """Hangs beside a monitor's board and looks at its state ten times a second."""

    def __init__(self, monitor: Monitor, nodes: int) -> None:
        self.monitor = monitor
        self.numbers = [Numbers(i) for i in range(nodes)]
        self.measured = [0.0] * nodes
        self.engine_measured = 0.0
        self.links: list[str] = [""] * nodes
        self.events = 0
        self.looks = self.fresh = self.stale = 0
        self._hook()

    def _hook(self) -> None:
        board = self.monitor.board
        feed = board.on_log

        def on_log(node: int, lines: list[str]) -> None:
            self.numbers[node].take(lines)
            if feed is not None:
                feed(node, lines)

        board.on_log = on_log
        for i in range(len(self.numbers)):
            sinks = board.reader(i)._sinks
            sinks.npu = self._npu(i, sinks.npu)
        take = board.metrics

        def metrics(found: EngineMetrics | None, **more: Any) -> None:
            take(found, **more)
            if found is not None and found.ranks:
                self.engine_measured = found.ranks[0].iterations / 100

        board.metrics = metrics  # type: ignore[method-assign]

    def _npu(self, node: int, sink: Any) -> Any:
        def npu(reading: NpuReading) -> None:
            # Before the board: what it shows from now on is at least as new.
            sink(reading)
            self.measured[node] = reading.at

        return npu

    def look(self) -> None:
        """One look: freshness, connections, events."""
        measured, engine = list(self.measured), self.engine_measured
        state = self.monitor.snapshot()
        self.looks += 1
        self._freshness(state, measured)
        if not state.engine.stale(state.at) and engine:
            age = state.at - engine
            if age > 3 * state.engine.interval_s + SLACK_S:
                say("false_fresh", node=-1, age=round(age, 2))
        for node in state.nodes:
            link = node.link
            key = f"{link.state.value}/{link.attempt}/{link.next_try}"
            if key != self.links[node.index]:
                self.links[node.index] = key
                pause = None if link.next_try is None else round(link.next_try - link.since, 2)
                say("link", node=node.index, state=link.state.value, attempt=link.attempt,
                    pause=pause, error=link.error)  # fmt: skip
        for event in state.events:
            if event.at > self.events:
                say("event", kind=event.kind, node=event.node)
        self.events = max([self.events, *(e.at for e in state.events)])

    def _freshness(self, state: MonitorState, measured: list[float]) -> None:
        for node in state.nodes:
            if node.npu_at is None:
                continue
            if node.stale(state.at):
                self.stale += 1
                continue
            self.fresh += 1
            age = state.at - measured[node.index]
            limit = 3 * max(node.interval_s, node.npu_took_s, 0.5) + SLACK_S
            if measured[node.index] and age > limit:
                say("false_fresh", node=node.index, age=round(age, 2), limit=round(limit, 2),
                    shown=round(node.age(state.at) or 0, 2))  # fmt: skip

    def sample(self) -> None:
        """Memory, threads, files, processor time of this process."""
        status = Path("/proc/self/status").read_text()
        say("sample", rss_kib=int(status.partition("VmRSS:")[2].split()[0]),
            threads=int(status.partition("Threads:")[2].split()[0]),
            files=len(list(Path("/proc/self/fd").iterdir())), cpu_s=round(time.process_time(), 2),
            lines=[n.seen for n in self.numbers], last=[n.last for n in self.numbers],
            looks=self.looks, fresh=self.fresh, stale=self.stale)  # fmt: skip


def main() -> None:
    """Watch until standard input ends."""
    profile = load(Path(sys.argv[1]))
    ask = Nobody()
    monitor = Monitor(profile, lambda i: connect_one(profile, i, ask))
    witness = Witness(monitor, len(profile.nodes))
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    monitor.start()
    turn = 0
    while not ended.wait(0.1):
        witness.look()
        turn += 1
        if turn % 50 == 0:
            witness.sample()
    witness.sample()
    monitor.stop()
    say("end")


if __name__ == "__main__":
    main()
