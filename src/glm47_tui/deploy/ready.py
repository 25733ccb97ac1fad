"""Readiness: a real generation. Until then the logs of all nodes are followed as phases.

A port that listens proves nothing, and ``/health`` says 200 while an engine is dead (errata 15).
The death of any engine ends the wait at once, with the diagnosis.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from glm47_tui.deploy.engines import engine_log
from glm47_tui.deploy.errors import Halted, Trouble, failed
from glm47_tui.deploy.events import EnginePhase, Phase, Status
from glm47_tui.deploy.follow import Follower
from glm47_tui.deploy.probe import Prober
from glm47_tui.deploy.run import ENGINE, Node, Run
from glm47_tui.deploy.selftests import SelfTests
from glm47_tui.diagnose import PhaseReader, PhaseSeen, StallWatch
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg

STAGE: Final = "ready"
QUICK_S: Final = 20.0
"""Seconds an engine that ran already may take to answer before its log is looked at."""
SETTLE_S: Final = 2.0
"""After a death, how long the other nodes' last lines are waited for."""
STALL_EVERY_S: Final = 5.0
AWAY_S: Final = 5.0
"""A node that cannot be reached for so long is named. A busy one still answers ssh's questions."""


class Watch:
    """Follows one engine's log: lines become events, phases and food for the diagnosis."""

    def __init__(
        self,
        run: Run,
        node: Node,
        stalls: StallWatch,
        wake: threading.Event,
        on_serving: Callable[[], None],
    ) -> None:
        self._run = run
        self._on_serving = on_serving
        self._node = node
        self._file = engine_log(run, node)
        self._reader = PhaseReader(node.name)
        self._stalls = stalls
        self._wake = wake
        self.seen = PhaseSeen(Phase.STARTING.value)
        self.died: tuple[str, ...] | None = None
        """``("dead", CODE)`` or ``("missing", "-")`` when the engine ended."""
        self.error: UserError | None = None
        self.follower = Follower(
            run, node, self._lines,
            stage=STAGE, verb="watch", on_engine=self._engine, on_end=self._end,
        )  # fmt: skip

    def _lines(self, lines: Sequence[str], first: int) -> None:
        run, index = self._run, self._node.index
        run.causes.feed(index, lines, self._file, first)
        now = time.time()
        self._stalls.heard(self._node.name, now)
        for line in lines:
            run.bus.log(index, ENGINE, line)
            seen = self._reader.read(line)
            if seen is not None:
                self._phase(seen, now)

    def _phase(self, seen: PhaseSeen, now: float) -> None:
        self.seen = seen
        self._stalls.phase(self._node.name, seen, now)
        self._run.bus.emit(
            EnginePhase(self._node.index, Phase(seen.phase), seen.fraction, seen.detail)
        )
        if self._node.index == 0 and seen.phase == Phase.SERVING.value:
            self._on_serving()

    def _engine(self, words: tuple[str, ...]) -> None:
        self.died = words
        self._run.bus.emit(EnginePhase(self._node.index, Phase.GONE))
        self._wake.set()

    def _end(self, error: UserError | None) -> None:
        self.error = error
        if error is not None:
            self._wake.set()


class Ready:
    """The stage of readiness, over all nodes."""

    def __init__(
        self,
        run: Run,
        prober: Prober,
        *,
        ran_already: bool,
        tests: SelfTests | None = None,
    ) -> None:
        self._run = run
        self._tests = tests
        self._prober = prober
        self._ran_already = ran_already
        self._begin = time.monotonic()
        self._limit = run.profile.limits.ready_min * 60.0
        self._stalls = StallWatch([node.name for node in run.nodes])
        self._wake = threading.Event()
        self._watches: list[Watch] = []
        self._away: set[int] = set()

    def do(self) -> None:
        """Wait for the first answer. Raises Trouble or Halted."""
        run = self._run
        for node in run.nodes:
            run.bus.step(STAGE, node.index, Status.LOOKING)
        if self._ran_already and self._prober.once(QUICK_S):
            self._say(Status.PRESENT)
            return
        run.check()
        for node in run.nodes:
            run.bus.step(STAGE, node.index, Status.APPLYING)
        try:
            self._watches = [
                Watch(run, node, self._stalls, self._wake, self._prober.poke) for node in run.nodes
            ]
            self._prober.start(self._wake)
            self._wait()
            if self._tests is not None:
                self._tests.wait()
        except Halted:
            for node in run.nodes:
                untested = self._tests is not None and self._tests.open(node.index)
                note = Msg.of(f"deploy.half.{'untested' if untested else 'loading'}")
                run.bus.step(STAGE, node.index, Status.FAILED, note)
            raise
        finally:
            self._prober.stop()
            for watch in self._watches:
                watch.follower.close()
        for node in run.nodes:
            run.bus.emit(EnginePhase(node.index, Phase.SERVING))
        self._say(Status.APPLIED)

    def _say(self, status: Status) -> None:
        answer = self._prober.answer
        seconds = f"{answer.stats.total_s:.1f}" if answer is not None else "?"
        for node in self._run.nodes:
            note = Msg.of("deploy.note.answered", seconds=seconds) if node.index == 0 else None
            self._run.bus.step(STAGE, node.index, status, note)

    def _wait(self) -> None:
        stalled = 0.0
        while True:
            self._run.check()
            if self._prober.answer is not None:
                return
            if self._tests is not None:
                self._tests.check()
            self._fail_if_dead()
            self._say_away()
            if self._prober.refused:
                raise Trouble(self._prober.refusal or failed("no_state", step=STAGE, line="-"), 0)
            elapsed = time.monotonic() - self._begin
            if elapsed > self._limit:
                self._too_long()
            self._run.progress(
                STAGE, None, self._words(), fraction=self._share(),
                elapsed=elapsed, limit=self._limit,
            )  # fmt: skip
            if elapsed - stalled > STALL_EVERY_S:
                stalled = elapsed
                self._say_stalls()
            self._wake.wait(1.0)
            self._wake.clear()

    def _say_away(self) -> None:
        """Name a node that cannot be reached any more, and say when it is back."""
        for watch, node in zip(self._watches, self._run.nodes, strict=True):
            away = self._run.links.away_s(node.index)
            if (away >= AWAY_S) is (node.index in self._away):
                continue
            self._away ^= {node.index}
            phase = Msg.of(f"deploy.phase.{watch.seen.phase}")
            note = Msg.of("deploy.note.back")
            if away:
                note = Msg.of("deploy.note.away", seconds=round(away), phase=phase)
            self._run.bus.step(STAGE, node.index, Status.APPLYING, note)

    def _words(self) -> Msg:
        if self._away:
            first = self._run.nodes[min(self._away)]
            return Msg.of("deploy.progress.away", node=first.name)
        slowest = min(self._watches, key=lambda watch: _order(watch.seen))
        node = self._run.nodes[self._watches.index(slowest)].name
        return Msg.of(
            "deploy.progress.ready", node=node, phase=Msg.of(f"deploy.phase.{slowest.seen.phase}")
        )

    def _share(self) -> float | None:
        seen = min((watch.seen for watch in self._watches), key=_order)
        return seen.fraction

    def _say_stalls(self) -> None:
        for stall in self._stalls.stalls(time.time()):
            elapsed = time.monotonic() - self._begin
            self._run.progress(STAGE, None, stall.text, elapsed=elapsed, limit=self._limit)

    def _fail_if_dead(self) -> None:
        for watch, node in zip(self._watches, self._run.nodes, strict=True):
            if watch.error is not None:
                self._say_others(node, watch.error.what)
                raise Trouble(watch.error, node.index)
        dead = [
            (node, watch)
            for watch, node in zip(self._watches, self._run.nodes, strict=True)
            if watch.died is not None
        ]
        if not dead:
            return
        self._settle()
        dead = [
            (node, watch)
            for watch, node in zip(self._watches, self._run.nodes, strict=True)
            if watch.died is not None
        ]
        for node in self._run.nodes:
            gone = [watch for other, watch in dead if other is node]
            note = _death(gone[0]).what if gone else Msg.of("deploy.half.engine_runs")
            status = Status.FAILED if gone else Status.SKIPPED
            self._run.bus.step(STAGE, node.index, status, note)
        found = self._run.causes.found()
        first = [pair for pair in dead if found and pair[0].index == found[0].node]
        node, watch = (first or dead)[0]
        raise Trouble(_death(watch), node.index)

    def _say_others(self, bad: Node, what: Msg) -> None:
        """The wait ends because of one node; the engines of the others go on."""
        for node in self._run.nodes:
            if node is bad:
                self._run.bus.step(STAGE, node.index, Status.FAILED, what)
            else:
                note = Msg.of("deploy.half.engine_runs")
                self._run.bus.step(STAGE, node.index, Status.SKIPPED, note)

    def _settle(self) -> None:
        """Let the last lines of all nodes arrive: the first cause may be on another node."""
        end = time.monotonic() + SETTLE_S
        for watch in self._watches:
            watch.follower.wait(max(0.0, end - time.monotonic()))

    def _too_long(self) -> None:
        error = failed("ready_limit", minutes=self._run.profile.limits.ready_min)
        self._say_stalls()
        for watch, node in zip(self._watches, self._run.nodes, strict=True):
            note = Msg.of(f"deploy.phase.{watch.seen.phase}")
            self._run.bus.step(STAGE, node.index, Status.FAILED, note)
        refusal = self._prober.refusal
        if refusal is not None:
            error.why = refusal.what
        raise Trouble(error)


def _order(seen: PhaseSeen) -> tuple[int, float]:
    return list(Phase).index(Phase(seen.phase)), seen.fraction or 0.0


def _death(watch: Watch) -> UserError:
    phase = Msg.of(f"deploy.phase.{watch.seen.phase}")
    code = watch.died[1] if watch.died and len(watch.died) > 1 else "-"
    if watch.died and watch.died[0] == "missing":
        return failed("engine_gone", phase=phase)
    return failed("engine_died", code=code, phase=phase)
