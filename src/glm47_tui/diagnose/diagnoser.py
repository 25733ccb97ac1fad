"""Lines of all nodes in, a report out, at any time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from glm47_tui.diagnose.catalog import Catalog
from glm47_tui.diagnose.phases import GONE, SERVING
from glm47_tui.diagnose.reading import LogReader, Words
from glm47_tui.diagnose.report import NodePhase, Place, Report, Stall
from glm47_tui.diagnose.sightings import Run
from glm47_tui.diagnose.stalls import StallWatch
from glm47_tui.diagnose.verdict import judge


class Diagnoser:
    """Reads logs as they come and says at any time what the first cause is.

    ``skew``: by how many seconds a node's clock is ahead of the common one. ``all_runs``: count
    every start found in a log, not the last one alone. ``reference``: about when the logs were
    written (seconds since 1970, now by default), for stamps that name no year. May be fed and
    asked from several threads.
    """

    def __init__(
        self,
        catalog: Catalog | None = None,
        *,
        skew: Mapping[str, float] | None = None,
        all_runs: bool = False,
        reference: float | None = None,
    ) -> None:
        self.catalog = catalog or Catalog.load()
        self.skew = dict(skew or {})
        self.all_runs = all_runs
        self._reference = reference
        self._words = Words.of(self.catalog)
        self._logs: dict[tuple[str, str], LogReader] = {}
        self._lock = threading.Lock()

    def feed(
        self,
        node: str,
        lines: Sequence[str],
        file: str = "",
        first_line: int | None = None,
        at: float | None = None,
    ) -> None:
        """Take lines of one file of one node, without their newlines.

        ``first_line`` is the number of the first one in the file, where it does not follow on
        what was fed last; ``at`` when it was read (seconds), for lines without a stamp.
        """
        if lines:
            text = "\n" + "\n".join(lines)
            self.feed_block(node, text.encode("utf-8", "replace"), file, first_line, at)

    def feed_block(
        self,
        node: str,
        block: bytes,
        file: str = "",
        first_line: int | None = None,
        at: float | None = None,
    ) -> None:
        """As :meth:`feed`, for bytes: each line has its newline before it, none behind."""
        with self._lock:
            log = self._logs.get((node, file))
            if log is None:
                reference = self._reference if self._reference is not None else time.time()
                log = self._logs[node, file] = LogReader(node, file, self._words, reference)
            log.take(block, first_line, at)

    def report(self, now: float | None = None) -> Report:
        """Say what is known by now (``now`` by the logs' clock, None: their last stamp)."""
        with self._lock:
            logs = list(self._logs.values())
            runs = self._runs(logs)
            causes, notes = judge(self.catalog, runs, self.skew)
            error = None if causes else self._first_error(runs)
            fatal = any(self.catalog.by_id[c.entry].fatal for c in causes)
            return Report(
                causes=causes,
                notes=notes,
                stalls=() if fatal else self._stalls(runs, now),
                first_error=error[0] if error else None,
                exception=error[1] if error else None,
                phases=_phases(runs),
                files=tuple(log.file for log in logs),
                skipped_runs=0 if self.all_runs else sum(len(log.runs) - 1 for log in logs),
                lines=sum(log.lines for log in logs),
                bytes=sum(log.bytes for log in logs),
            )

    def _runs(self, logs: Sequence[LogReader]) -> list[tuple[str, Run]]:
        if self.all_runs:
            return [(log.node, run) for log in logs for run in log.runs]
        last = [(log.node, log.run) for log in logs]
        began = {
            node: max(
                (r.started for n, r in last if n == node and r.head and r.started), default=None
            )
            for node, _ in last
        }
        return [(n, r) for n, r in last if not _of_the_past(r, began[n])]

    def _first_error(self, runs: Sequence[tuple[str, Run]]) -> tuple[Place, Place | None] | None:
        found = [(node, first) for node, run in runs if (first := run.errors.first())]
        raised = [(node, first) for node, first in found if first[1]] or found
        if not raised:
            return None

        def key(item: tuple[str, tuple[Place, Place | None]]) -> tuple[float, int]:
            place = item[1][0]
            late = float("inf") if place.time is None else place.time
            return late - self.skew.get(item[0], 0.0), place.line

        return min(raised, key=key)[1]

    def _stalls(self, runs: Sequence[tuple[str, Run]], now: float | None) -> tuple[Stall, ...]:
        """Who waits, by the stamps of the logs; without stamps nobody can tell."""
        told = [(n, r, r.started) for n, r in runs if r.head and r.started is not None]
        told.sort(key=lambda item: item[1].phases.headless)
        watch = StallWatch([node for node, _, _ in told])
        ends = []
        for node, run, began in told:
            ahead = self.skew.get(node, 0.0)
            since = run.phase_since if run.phase_since is not None else began
            watch.phase(node, run.phases.current, since - ahead)
            ends.append((run.ended if run.ended is not None else since) - ahead)
        if not ends:
            return ()
        return watch.stalls(now if now is not None else max(ends), final=now is None)


def _of_the_past(run: Run, began: float | None) -> bool:
    """True when another log of the node tells of a later start than all of this one."""
    return began is not None and run.ended is not None and run.ended < began


def _phases(runs: Sequence[tuple[str, Run]]) -> tuple[NodePhase, ...]:
    told: dict[str, NodePhase] = {}
    for node, run in runs:
        seen = run.phases.current
        if run.head or seen.phase in (SERVING, GONE) or seen.detail or seen.phase != "starting":
            told[node] = NodePhase(node, seen.phase, seen.fraction, seen.detail)
    return tuple(told.values())
