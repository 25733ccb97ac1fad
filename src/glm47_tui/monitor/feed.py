"""A growing view of the log store for one pane: some nodes, a level, a search, merged by time.

Each ``pull`` looks at the new lines only, so that a pane keeps up with any flow. Lines that arrive
late by their time (a node was cut off for a while) are put where they belong.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Sequence
from operator import attrgetter

from glm47_tui.monitor.logs import KEEP, RANKS, VLLM_HEAD, Line, LogStore, read_head

_KEY = attrgetter("stamp", "order")
_OWN_POLLING = re.compile(
    r'"(?:GET /(?:metrics|health)|POST [^ ?"]*\?asked-by=glm47-tui-monitor) HTTP/1\.[01]" 200'
)
"""The monitor's own questions stand in vLLM's log, too; nobody wants to read them."""


class LogFeed:
    """Lines of ``nodes`` that pass the filter, oldest first, at most ``keep``.

    ``dropped`` counts lines that left at the front, so that a face can keep its place.
    """

    def __init__(
        self,
        store: LogStore,
        nodes: Sequence[int],
        *,
        level: int = 0,
        pattern: re.Pattern[str] | None = None,
        own_polling: bool = False,
        keep: int = KEEP,
    ) -> None:
        self._store = store
        self._nodes = self.nodes = tuple(nodes)
        self._level = level
        self._pattern = pattern
        self._own_polling = own_polling
        self._keep = keep
        self._seen = dict.fromkeys(self._nodes, 0)
        self._levels = dict.fromkeys(self._nodes, 1)
        self._stamps = dict.fromkeys(self._nodes, "")
        self.lines: list[Line] = []
        self.dropped = 0
        self._read: list[Line] = []

    def read(self) -> None:
        """Look at what has come, without showing it: a part of the next pull's work, done before.

        Nobody waits for a key while thousands of lines are looked at in one go.
        """
        for node in self._nodes:
            self._read.extend(self._fresh(node))

    def pull(self) -> int:
        """Take what has come since the last call; returns how many lines were added."""
        self.read()
        fresh, self._read = self._read, []
        if not fresh:
            return 0
        if len(self._nodes) > 1:
            fresh.sort(key=_KEY)
            late = 0
            while self.lines and late < len(fresh) and _KEY(fresh[late]) < _KEY(self.lines[-1]):
                late += 1
            for line in fresh[:late]:
                insort(self.lines, line, key=_KEY)
            self.lines.extend(fresh[late:])
        else:
            self.lines.extend(fresh)
        # Cut in large steps: deleting at the front of a list moves all of it.
        if len(self.lines) > self._keep + self._keep // 4:
            over = len(self.lines) - self._keep
            del self.lines[:over]
            self.dropped += over
        return len(fresh)

    def _fresh(self, node: int) -> list[Line]:
        number, pairs = self._store.since(node, self._seen[node])
        if not pairs:
            return []
        self._seen[node] = number + len(pairs) - 1
        current, stamp = self._levels[node], self._stamps[node]
        out: list[Line] = []
        match = VLLM_HEAD.match
        for i, (order, text) in enumerate(pairs, number):
            head = match(text)  # as most lines begin: not worth a call
            if head is not None:
                current, found = RANKS[head[1]], head[2]
            else:
                own, found = read_head(text)
                if own is not None:
                    current = own
            stamp = max(stamp, found)
            if current < self._level:
                continue
            if self._pattern is not None and self._pattern.search(text) is None:
                continue
            if not self._own_polling and '" 200' in text and _OWN_POLLING.search(text):
                continue
            out.append(Line(node, i, text, current, stamp, order))
        self._levels[node], self._stamps[node] = current, stamp
        return out
