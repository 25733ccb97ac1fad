"""The watching side of the soak: the real monitor with its screen, and a witness beside it.

``python -m bench.soak_watch PROFILE`` runs where the tool runs. It prints one JSON object a line
for whatever happens, and ends when its standard input does. What it holds the monitor to is worked
out from what the nodes sent, not from what the monitor says of itself:

- numbers of log lines: gaps and repeats, per node;
- freshness: a reading that is not called stale must not have been made (the node's clock; all hosts
  of the lab share one) more than three intervals ago;
- the same on the screen, as it is painted (bench/soak_screen.py), while keys are pressed;
- memory, threads and files of this process; states of the connections as they change.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import soak_screen
from glm47_tui.i18n import set_language
from glm47_tui.monitor import Monitor, MonitorState
from glm47_tui.monitor.frames import NpuReading
from glm47_tui.profile import load
from glm47_tui.remote import Nobody, connect_one
from glm47_tui.screens.watching import MonitorApp
from glm47_tui.service import EngineMetrics

NUMBER = re.compile(r"\bsoak (\d+) ")
SLACK_S = 0.35
"""What a look at the clock may be late on a busy machine."""
_PRINT = threading.Lock()
_OUT = os.fdopen(os.dup(1), "w")
"""The app takes sys.stdout for itself."""


def say(what: str, **values: Any) -> None:
    """Print one object."""
    with _PRINT:
        data = {"what": what, "at": round(time.time(), 3), **values}
        print(json.dumps(data), file=_OUT, flush=True)


class Numbers:
    """Counts a node's lines: each number once, in order."""

    def __init__(self, node: int) -> None:
        self.node = node
        self.last: int | None = None
        self.seen = 0
        self.gaps: set[tuple[int, int]] = set()

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
                self.gaps.add((self.last, number))
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

    def sample(self, **more: Any) -> None:
        """Memory, threads, files, processor time of this process."""
        status = Path("/proc/self/status").read_text()
        say("sample", rss_kib=int(status.partition("VmRSS:")[2].split()[0]),
            threads=int(status.partition("Threads:")[2].split()[0]),
            files=len(list(Path("/proc/self/fd").iterdir())), cpu_s=round(time.process_time(), 2),
            lines=[n.seen for n in self.numbers], last=[n.last for n in self.numbers],
            looks=self.looks, fresh=self.fresh, stale=self.stale,
            blocks=sys.getallocatedblocks(), **more)  # fmt: skip

    def census(self) -> None:
        """The kinds of objects there are most of: says what grew, should something grow."""
        kinds = Counter(type(thing).__qualname__ for thing in gc.get_objects())
        say("census", kinds=dict(kinds.most_common(60)))


class Watch:
    """The app, its keys, and a thread that looks at everything."""

    def __init__(self, profile: Path) -> None:
        loaded = load(profile)
        ask = Nobody()
        monitor = Monitor(loaded, lambda i: connect_one(loaded, i, ask))
        self.witness = Witness(monitor, len(loaded.nodes))
        self.app = MonitorApp(monitor)
        self.app.driver_class = soak_screen.Paper
        self.reader = soak_screen.Reader(self.app, self.witness, say, SLACK_S)
        self.late: list[float] = []
        self.ended = threading.Event()
        self._stop: asyncio.Event | None = None

    def sample(self) -> None:
        """Say what has come together since the last time."""
        late, self.late[:] = list(self.late), []
        more: dict[str, Any] = self.reader.figures()
        if len(late) > 1:
            more["loop_late_s"] = round(max(late), 3)
            more["loop_late_median_s"] = round(statistics.median(late), 4)
        self.witness.sample(**more)

    def _look(self) -> None:
        turn = 0
        while not self.ended.wait(0.1):
            turn += 1
            try:
                self._turn(turn)
            except Exception as error:  # the looking must not end unseen
                say("fault", error=f"{type(error).__name__}: {error}")

    def _turn(self, turn: int) -> None:
        self.witness.look()
        if turn % 5 == 0:
            self.reader.look()
        if turn % 50 == 0:
            self.sample()
        if turn % 300 == 0:
            self.reader.whole()
        if turn % 3000 == 1500:
            self.witness.census()

    async def run(self) -> None:
        """Watch until standard input ends."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()

        def wait_for_end() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_end, daemon=True).start()
        looker = threading.Thread(target=self._look)
        looker.start()
        keys = loop.create_task(soak_screen.use(self.app, say, stop, self.late))
        app = loop.create_task(self.app.run_async(size=soak_screen.SIZE))
        ends = loop.create_task(stop.wait())
        await asyncio.wait([app, ends], return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            say("fault", error=f"the app ended by itself: {self.app._exception!r}")
        stop.set()
        self.ended.set()
        looker.join()
        self.sample()
        self.app.exit()
        await asyncio.wait([app, keys], timeout=10)


def main() -> None:
    """Watch until standard input ends."""
    set_language("en")
    asyncio.run(Watch(Path(sys.argv[1])).run())
    say("end")


if __name__ == "__main__":
    main()
