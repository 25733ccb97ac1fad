"""The screen side of the soak: the real MonitorApp, painted on paper and read as a user reads it.

:class:`Paper` is a terminal that keeps what is painted; :class:`Reader` looks at it from another
thread, so that an app whose event loop hangs is seen with its old numbers; :func:`use` presses
keys now and then, as somebody does who comes by.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.drivers.headless_driver import HeadlessDriver

from glm47_tui.screens.monitor_pane import MonitorPane
from glm47_tui.screens.watching import MonitorApp
from glm47_tui.widgets.watch_nodes import NodeList

SIZE = (120, 40)
REDRAW_S = 1.1
"""The pane draws at least once a second; a tick later it is painted."""
LATE_S = 0.9
"""What painting may be late on a busy machine."""
BEHIND_S = 5.0
"""Lines that arrived so long ago must stand in a log that follows."""
_CODE = re.compile(
    r"\x1b\[(\d+);(\d+)H|\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)"
)
_NODE = re.compile(r"^ {0,3}node(\d+) +(?:\d+\.\d+|(?:\d+|-) )")
_LINE = re.compile(r"^ *(?:node(\d+) +)?\(?EngineCore.*\bsoak (\d+) Avg")
Say = Callable[..., None]


class Paper(HeadlessDriver):
    """Takes what the app paints as a terminal does: moves of the cursor and text."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._lock = threading.Lock()
        self._rows: list[list[str]] = [[" "] * SIZE[0] for _ in range(SIZE[1])]
        self.paints = 0

    @property
    def is_headless(self) -> bool:
        """No: the app shall paint."""
        return False

    def write(self, data: str) -> None:
        """Paint."""
        with self._lock:
            self.paints += 1
            x = y = at = 0
            for code in _CODE.finditer(data):
                x, y = self._put(data[at : code.start()], x, y)
                at = code.end()
                if code[1]:
                    y, x = int(code[1]) - 1, int(code[2]) - 1
            self._put(data[at:], x, y)

    def _put(self, text: str, x: int, y: int) -> tuple[int, int]:
        for char in text:
            if char == "\n":
                x, y = 0, y + 1
                continue
            wide = cell_len(char)
            if char >= " " and 0 <= y < SIZE[1] and 0 <= x < SIZE[0]:
                self._rows[y][x] = char
                if wide == 2 and x + 1 < SIZE[0]:
                    self._rows[y][x + 1] = ""
            x += wide
        return x, y

    def seen(self) -> list[str]:
        """What stands on the screen, row by row."""
        with self._lock:
            return ["".join(row) for row in self._rows]


class Reader:
    """Reads the paper: no old number without STALE, no line lost or doubled, logs that move."""

    def __init__(self, app: MonitorApp, witness: Any, say: Say, slack: float) -> None:
        self.app, self.witness, self._say, self._slack = app, witness, say, slack
        self.looks = self.fresh = self.stale = self.lines = 0
        self.oldest = 0.0
        self._arrived: list[list[tuple[float, int]]] = [[] for _ in witness.numbers]

    def look(self) -> None:
        """One look."""
        paper = self.app._driver
        if not isinstance(paper, Paper) or not paper.paints:
            return
        measured, engine = list(self.witness.measured), self.witness.engine_measured
        rows = paper.seen()
        now = time.time()
        covered = len(self.app.screen_stack) > 1  # by the help, a row may be seen by half
        self.looks += 1
        self._engine(rows, engine, now, covered)
        for i, row in enumerate(rows):
            found = _NODE.match(row)
            if found is not None and not covered:
                below = rows[i + 1] if i + 1 < len(rows) else ""
                self._node(int(found[1]), row, below, measured, now)
        self._logs(rows, now, covered)

    def _node(self, node: int, row: str, below: str, measured: list[float], now: float) -> None:
        enlarged = re.search(r"node\d+ +\d+\.\d+\.\d+\.\d+", row)
        if enlarged and "NPU" not in below:
            return  # no figures below it
        if "STALE" in row:
            self.stale += 1
            return
        view = self.witness.monitor.snapshot().nodes[node]
        limit = 3 * max(view.interval_s, view.npu_took_s, 0.5) + REDRAW_S + LATE_S + self._slack
        age = now - measured[node]
        self.fresh += 1
        if measured[node]:
            self.oldest = max(self.oldest, age - 3 * max(view.interval_s, view.npu_took_s, 0.5))
            if age > limit:
                self._say("screen_false_fresh", node=node, age=round(age, 2),
                          limit=round(limit, 2), row=row.strip())  # fmt: skip

    def _engine(self, rows: list[str], engine: float, now: float, covered: bool) -> None:
        line = next((r for r in rows[:4] if " KV " in r), "")
        if not line or not engine or covered:
            return
        age = now - engine
        limit = 3 * 2.0 + REDRAW_S + LATE_S + self._slack
        if "STALE" not in "".join(rows[:4]) and age > limit:
            self._say("screen_false_fresh", node=-1, age=round(age, 2), limit=round(limit, 2),
                      row=line.strip())  # fmt: skip

    def _logs(self, rows: list[str], now: float, covered: bool) -> None:
        pane = self.app.query_one(MonitorPane)
        views, layout = pane._views, pane._layout
        chosen = pane.query_one(NodeList).selected or 0
        ago = self._ago(now)
        for row, below in pairwise(rows):
            a, b = _LINE.match(row), _LINE.match(below)
            if a is None or b is None or covered:
                continue
            self.lines += 1
            if a[1] == b[1] and not self._follows(int(a[1] or chosen), int(a[2]), int(b[2])):
                self._say("screen_gap", node=int(a[1] or chosen), after=int(a[2]), came=int(b[2]))
        if layout != "side" or covered or pane._level or not pane.is_on_screen:
            return
        for node, view in enumerate(views):
            lines = view._lines[-3:]
            numbers = [int(f[1]) for x in lines if (f := re.search(r"\bsoak (\d+) ", x.text))]
            if view.following and numbers and ago[node] and numbers[-1] < ago[node]:
                self._say("screen_behind", node=node, shown=numbers[-1], arrived=ago[node])

    def _follows(self, node: int, first: int, second: int) -> bool:
        return second == first + 1 or (first, second) in self.witness.numbers[node].gaps

    def _ago(self, now: float) -> list[int]:
        out = []
        for past, numbers in zip(self._arrived, self.witness.numbers, strict=True):
            past.append((now, numbers.last or 0))
            while len(past) > 1 and past[1][0] < now - BEHIND_S:
                past.pop(0)
            out.append(past[0][1] if past[0][0] < now - BEHIND_S else 0)
        return out

    def whole(self) -> None:
        """Look through all lines a log holds, not only those in sight."""
        pane = self.app.query_one(MonitorPane)
        for view in list(pane._views):
            last: dict[int, int] = {}
            for line in list(view._lines):
                found = re.search(r"\bsoak (\d+) ", line.text)
                if found is None:
                    continue
                number, node = int(found[1]), line.node
                if node in last and not self._follows(node, last[node], number):
                    self._say("screen_gap", node=node, after=last[node], came=number)
                last[node] = number

    def figures(self) -> dict[str, Any]:
        """What was seen so far."""
        return {
            "screen_looks": self.looks, "screen_fresh": self.fresh, "screen_stale": self.stale,
            "screen_lines": self.lines, "screen_oldest_over": round(self.oldest, 2),
        }  # fmt: skip


WAYS: dict[str, tuple[str, ...]] = {
    "pause": ("space", "", "space"),
    "search": ("/", *"soak .*7 Avg", "enter", "n", "N", "n", "end"),
    "search_off": ("/", *[*("backspace",) * 14], "enter", "end"),
    "level": ("v", "", "v", "", "v"),
    "layout": ("m", "", "m", "", "m"),
    "enlarge": ("i", "", "down", "", "up", "", "escape"),
    "events": ("e", "", "e"),
    "zoom": ("z", "", "z"),
    "copy": ("y",),
    "first_error": ("f", "end", "space", "space"),
    "language": ("f2", "", "f2"),
    "help": ("?", "", "escape"),
    "wheel": ("pageup", "", "end"),
}
"""What somebody does who comes by; "" is a pause to look. Each leads back to where it began."""
_NAMES = {"/": "slash", "?": "question_mark", " ": "space", ".": "full_stop", "*": "asterisk"}


AT_REST = ("", False, "side", 0, 1, True)
"""What :func:`_state` says of a screen on which every key was taken back."""


def _state(app: MonitorApp) -> tuple[str, bool, str, int, int, bool]:
    pane = app.query_one(MonitorPane)
    return (" ".join(sorted(pane.classes)), pane._full, pane._layout, pane._level,
            len(app.screen_stack), app.focused is not None)  # fmt: skip


async def use(app: MonitorApp, say: Say, stop: asyncio.Event, late: list[float]) -> None:
    """Press keys every few seconds, and measure how late the event loop is."""
    dice = random.Random()  # noqa: S311
    waiting: list[str] = []
    while not stop.is_set():
        for _ in range(dice.randint(20, 60)):
            began = time.monotonic()
            await asyncio.sleep(0.1)
            late.append(time.monotonic() - began - 0.1)
            if stop.is_set():
                return
        if not waiting:
            waiting = list(WAYS)
            dice.shuffle(waiting)
        name = waiting.pop()
        await _walk(app, name, dice)
        await asyncio.sleep(1.0)
        say("keys", way=name)
        if _state(app) != AT_REST:
            say("fault", error=f"after the keys of {name!r} the screen is not as before: "
                f"{_state(app)}")  # fmt: skip


async def _walk(app: MonitorApp, name: str, dice: random.Random) -> None:
    for key in WAYS[name]:
        if not key:
            await asyncio.sleep(dice.uniform(1, 6))
            continue
        char = key if len(key) == 1 else (" " if key == "space" else None)
        driver = app._driver
        if driver is not None:
            driver.send_message(events.Key(_NAMES.get(key, key), char))
        await asyncio.sleep(0.05)
