"""The launch: node 0 first, the others as soon as node 0's rpc port listens.

Node 0 waits for its peers for ever; a peer gives up after exactly five minutes (errata 13). Engines
of one deployment belong together: when one is gone, all are started anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from glm47_tui.deploy.consent import Question
from glm47_tui.deploy.engines import STAGE, engine_log, runs, stop_engine, tail_log, wait_free
from glm47_tui.deploy.errors import Halted, Trouble, failed
from glm47_tui.deploy.events import Status
from glm47_tui.deploy.model_step import time_words
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.selftests import SelfTests
from glm47_tui.deploy.survey import State
from glm47_tui.i18n import Msg
from glm47_tui.remote import RemoteError

START_S = 90.0
LATE_S = 20.0
"""How long the self-tests are waited for after an engine has ended: they may know why."""


class Launch:
    """The stage of the launch, over all nodes."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._states: dict[int, State] = {}
        self._untested: set[int] = set()
        """Nodes whose parsers stand, and have not passed their self-test as they are."""
        self._notes: dict[int, Msg] = {}
        self._saying = threading.Lock()
        self.tests: SelfTests | None = None
        """The self-tests beside engines that this run started; they go on beside readiness."""

    def do(self) -> bool:
        """Bring the engines about; returns whether any was started by this run."""
        run = self._run
        run.each(STAGE, self._look)
        stale = [n for n in run.nodes if n.changed & {"patches", "container"} and self._runs(n)]
        if all(s.word == "done" for s in self._states.values()) and not stale:
            for node in run.nodes:
                note = running_words(self._states[node.index])
                run.bus.step(STAGE, node.index, Status.PRESENT, note)
            self._make_up()
            return False
        if run.dry:
            for node in run.nodes:
                run.bus.step(STAGE, node.index, Status.NEEDED, self._needed(node, stale))
            return True
        if not self._agreed(stale):
            for node in run.nodes:
                run.bus.step(STAGE, node.index, Status.PRESENT, Msg.of("deploy.note.kept"))
            self._make_up()
            return False
        self._clear()
        self._start()
        return True

    def _runs(self, node: Node) -> bool:
        return runs(self._states[node.index])

    def _look(self, node: Node) -> None:
        self._run.bus.step(STAGE, node.index, Status.LOOKING)
        patches = self._run.look(node, "patches", stage=STAGE)
        if patches.word == "done" and not patches.has("tested"):
            self._untested.add(node.index)
        self._states[node.index] = self._run.look(node, STAGE, stage=STAGE)

    def _needed(self, node: Node, stale: list[Node]) -> Msg:
        word = self._states[node.index].word
        if node in stale or word in ("done", "differs"):
            return Msg.of("deploy.needed.restart")
        return Msg.of("deploy.needed.launch")

    def _agreed(self, stale: list[Node]) -> bool:
        """Ask before running engines end, unless they serve nobody (one of them is gone)."""
        run = self._run
        complete = all(self._runs(node) for node in run.nodes)
        differing = [n for n in run.nodes if self._states[n.index].word == "differs"]
        if complete and stale and not differing:
            text = Msg.of("deploy.question.restart_code", nodes=", ".join(n.name for n in stale))
        elif complete and differing:
            names = ", ".join(node.name for node in differing)
            text = Msg.of("deploy.question.restart", nodes=names)
        else:
            return True
        options = ("restart", "keep", "stop")
        return run.ask(Question("engine.restart", None, text, options, "restart")) == "restart"

    def _clear(self) -> None:
        """End what runs of an incomplete or differing deployment, on all nodes."""
        run = self._run
        running = [node for node in run.nodes if self._runs(node)]
        left = [n for n in run.nodes if self._states[n.index].has("leftovers")]
        if not running and not left:
            return
        if len(running) < len(run.nodes):
            for node in running:
                run.bus.log(node.index, STAGE, str(Msg.of("deploy.note.half_started")))

        def stop(node: Node) -> None:
            run.bus.step(STAGE, node.index, Status.APPLYING, Msg.of("deploy.note.stopping"))
            if stop_engine(run, node):
                run.touched(node, STAGE)
            note = wait_free(run, node)
            if note is not None:
                run.bus.log(node.index, STAGE, str(note))

        run.each(STAGE, stop)

    def _start(self) -> None:
        """Start all engines, the self-tests beside them."""
        run = self._run
        run.causes.forget()
        self.tests = SelfTests(run, run.nodes, stage=STAGE, passed=self._passed)
        with self.guarded(STAGE):
            self._start_all(self.tests)

    def _start_all(self, tests: SelfTests) -> None:
        run = self._run
        head, others = run.nodes[0], run.nodes[1:]
        run.each(STAGE, self._start_one, [head], self._half)
        if others:
            for node in others:
                note = Msg.of("deploy.note.waits_for_head", port=run.profile.launch.rpc_port)
                run.bus.step(STAGE, node.index, Status.WAITING, note)
            run.each(STAGE, lambda node: self._wait_rpc(node, tests), [head], self._half)
            if tests.stop.is_set():
                raise Halted
            run.each(STAGE, self._start_one, others, self._half)

    @contextmanager
    def guarded(self, stage: str) -> Iterator[None]:
        """What goes on beside the self-tests. If one fails, the engines end and that is said.

        So it is, too, if an engine ends first: a wrong parser may be why.
        """
        tests = self.tests
        try:
            yield
        except (Halted, Trouble) as ended:
            if tests is None:
                raise
            if isinstance(ended, Trouble):
                tests.settle(LATE_S)
            trouble = tests.trouble
            if trouble is None or self._run.halt.is_set():
                raise
            self._take_back(tests, stage)
            raise trouble from None

    def _take_back(self, tests: SelfTests, stage: str) -> None:
        """A parser is wrong: say on which node, and end the engines that were started."""
        run = self._run
        tests.close()
        note = Msg.of("deploy.note.ended_again")
        for index, error in tests.failed.items():
            run.bus.step(stage, index, Status.FAILED, error.what)

        def stop(node: Node) -> None:
            if not stop_engine(run, node):
                return
            run.touched(node, STAGE)
            if stage != STAGE or node.index not in tests.failed:
                run.bus.step(STAGE, node.index, Status.SKIPPED, note)

        with suppress(Trouble):  # an engine that does not end is said by its step
            run.each(STAGE, stop)

    def _passed(self, node: Node, words: Msg) -> None:
        """The parsers of a node are all right: said with its engine's start."""
        with self._saying:
            self._notes[node.index] = words
            if self._run.bus.status(STAGE, node.index) is Status.APPLIED:
                self._run.bus.step(STAGE, node.index, Status.APPLIED, words)

    def _make_up(self) -> None:
        """Engines that stay as they are: the self-test is made up for where it has not passed.

        The run before was cut off between the two, or parsers were changed and the engines kept.
        One that fails ends nothing: these engines may be serving.
        """
        run = self._run
        todo = [node for node in run.nodes if node.index in self._untested]
        if not todo:
            return
        if run.dry:
            for node in todo:
                run.bus.step(STAGE, node.index, Status.NEEDED, Msg.of("deploy.needed.selftest"))
            return
        for node in todo:
            run.bus.step(STAGE, node.index, Status.LOOKING)
        tests = SelfTests(run, todo, stage=STAGE, passed=self._made_up)
        try:
            tests.wait()
        finally:
            tests.close()
            for node in todo:
                error = tests.failed.get(node.index)
                if error is not None:
                    run.bus.step(STAGE, node.index, Status.FAILED, error.what)
                elif run.bus.status(STAGE, node.index) is Status.LOOKING:
                    note = Msg.of("deploy.half.selftest")
                    run.bus.step(STAGE, node.index, Status.SKIPPED, note)

    def _made_up(self, node: Node, _words: Msg) -> None:
        self._run.bus.step(STAGE, node.index, Status.PRESENT, Msg.of("deploy.note.tested"))

    def close(self) -> None:
        """End self-tests that still run."""
        if self.tests is not None:
            self.tests.close()

    def _start_one(self, node: Node) -> None:
        run = self._run
        run.check()
        run.bus.step(STAGE, node.index, Status.APPLYING)
        result = run.call(node, STAGE, "apply", stage=STAGE, timeout=START_S, tries=3)
        run.touched(node, STAGE)
        if not result.ok:
            last = [x for x in (result.out + "\n" + result.err).splitlines() if x.strip()]
            raise failed("launch", line=last[-1][:300] if last else "-", log=engine_log(run, node))
        note = Msg.of("deploy.note.started", pid=result.fact("pid") or "?")
        with self._saying:
            note = self._notes.get(node.index, note)
            run.bus.step(STAGE, node.index, Status.APPLIED, note)

    def _wait_rpc(self, node: Node, tests: SelfTests) -> None:
        """Wait until node 0's rpc port listens; across cut connections, within the limit."""
        run = self._run
        limit = float(run.profile.limits.peer_s)
        port = run.profile.launch.rpc_port
        begin = time.monotonic()
        ticker = Ticker(run, Msg.of("deploy.progress.rpc", port=port), limit, begin)
        try:
            while (left := limit - (time.monotonic() - begin)) > 0:
                try:
                    result = run.call(
                        node, STAGE, "wait_rpc", str(int(left) + 1),
                        stage=STAGE, timeout=left + 30, cancel=tests.stop,
                    )  # fmt: skip
                except RemoteError as error:
                    if error.kind != "lost":
                        raise
                    run.links.again(node.index, STAGE)
                    continue
                if result.ok:
                    return
                break
        finally:
            ticker.stop()
        state = run.look(node, STAGE, stage=STAGE)
        tail_log(run, node, stage=STAGE)
        if runs(state):
            raise failed("rpc_limit", port=port, seconds=int(limit))
        raise failed(
            "engine_died", code=state.fact("rc") or "?", phase=Msg.of("deploy.phase.starting")
        )

    def _half(self, node: Node) -> Msg:
        key = "engine_runs" if "launch" in node.changed else "engine_not_started"
        return Msg.of(f"deploy.half.{key}")


class Ticker:
    """Says every two seconds how long a wait on node 0 has lasted."""

    def __init__(self, run: Run, note: Msg, limit: float, begin: float) -> None:
        self._over = threading.Event()

        def tick() -> None:
            while True:
                elapsed = time.monotonic() - begin
                run.progress(STAGE, 0, note, elapsed=elapsed, limit=limit)
                if self._over.wait(2.0):
                    return

        threading.Thread(target=tick, name="deploy-tick", daemon=True).start()

    def stop(self) -> None:
        """Be silent."""
        self._over.set()


def void(_value: object) -> None:
    """Drop a value."""


def running_words(state: State) -> Msg:
    """Words for an engine that runs: pid, and for how long."""
    age = state.fact("age") or ""
    since = time_words(float(age)) if age.isdigit() else "?"
    return Msg.of("deploy.note.running", pid=state.fact("pid") or "?", since=since)
