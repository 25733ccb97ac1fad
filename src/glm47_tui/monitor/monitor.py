"""The live monitor: one connection and one long-lived loop a node, kept up for weeks.

A node that goes away is tried again after growing, bounded pauses, and its log goes on where it
stopped. All threads are daemons that end when :meth:`Monitor.stop` is called.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence

from glm47_tui import assets
from glm47_tui.errors import UserError
from glm47_tui.monitor.board import Board
from glm47_tui.monitor.frames import RESUMED
from glm47_tui.monitor.logwatch import LogWatch
from glm47_tui.monitor.memory import Tidy
from glm47_tui.monitor.record import Recorder
from glm47_tui.monitor.state import Link, LinkState, MonitorState, Weight
from glm47_tui.profile import Profile
from glm47_tui.remote.api import Connection
from glm47_tui.render import job_name
from glm47_tui.service import Service, ServiceError, open_service, parse_metrics

log = logging.getLogger(__name__)

Connect = Callable[[int], Connection]
"""Opens a connection to a node; raises UserError. Called again after every loss."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
METRICS_S = 2.0
FAULT_PAUSE_S = 5.0
"""Pause after a bug of ours ended a collector."""
HEALTH_S = 20.0
"""/health says little (200 while an engine is dead) and each question is a line in vLLM's log."""
TAIL_LINES = 200


class Monitor:
    """Collectors of a profile's nodes. ``board`` holds what they found."""

    def __init__(
        self,
        profile: Profile,
        connect: Connect,
        *,
        board: Board | None = None,
        interval_s: float = 1.0,
        ask_ranks: bool = True,
        recorder: Recorder | None = None,
    ) -> None:
        self._profile = profile
        self._connect = connect
        self._interval = interval_s
        self._ask_ranks = ask_ranks
        self.recorder = self._recorder = recorder
        self.board = board or Board.of(profile)
        self._logwatch = LogWatch(self.board)
        self.board.on_log = self._logwatch.feed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._head: Connection | None = None
        self._head_changed = threading.Event()
        self._healthy: bool | None = None
        self._health_due = 0.0
        self._tidy = Tidy()

    def start(self) -> None:
        """Begin to watch; returns at once."""
        jobs: list[tuple[str, Callable[[], None]]] = [
            (f"monitor-node{i}", lambda i=i: self._watch_node(i))  # type: ignore[misc]
            for i in range(len(self._profile.nodes))
        ]
        jobs.append(("monitor-engine", self._watch_engine))
        jobs.append(("monitor-diagnosis", lambda: self._logwatch.run(self._stop)))
        for name, job in jobs:
            thread = threading.Thread(target=self._kept, args=(name, job), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _kept(self, name: str, job: Callable[[], None]) -> None:
        """Begin a job anew after a bug in it: a pane that is open for weeks must not go blind."""
        while not self._stop.is_set():
            try:
                job()
                return
            except Exception as error:  # noqa: PERF203 - its values stay out: may be secrets
                log.warning("%s ended with %s", name, type(error).__name__)
                self._stop.wait(FAULT_PAUSE_S)

    def snapshot(self) -> MonitorState:
        """Return everything at this moment."""
        return self.board.snapshot()

    def set_interval(self, seconds: float) -> None:
        """Change the pace; running loops hear of it with their next connection."""
        self._interval = seconds

    def stop(self, wait_s: float = 2.0) -> None:
        """End all collectors; waits a little for their connections to close."""
        self._stop.set()
        self._head_changed.set()
        deadline = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._recorder is not None:
            self._recorder.close()

    def _watch_node(self, i: int) -> None:
        attempt = 0
        while not self._stop.is_set():
            state = LinkState.CONNECTING if attempt == 0 else LinkState.RETRYING
            self._link(i, Link(state, time.time(), attempt, error=self._error(i)))
            up_since = time.monotonic()
            error = self._once(i)
            if self._stop.is_set():
                break
            # A connection that held for a minute was a good one: begin with short pauses again.
            attempt = 1 if time.monotonic() - up_since > 60 else attempt + 1
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempt - 1, 10))
            pause *= random.uniform(0.8, 1.2)  # noqa: S311 - many nodes must not knock in step
            link = Link(LinkState.RETRYING, time.time(), attempt, time.time() + pause, error)
            self._link(i, link)
            self._tidy()
            self._stop.wait(pause)
        self._link(i, Link(LinkState.STOPPED, time.time()))

    def _link(self, i: int, link: Link) -> None:
        self.board.link(i, link)
        if self._recorder is not None:
            wait = None if link.next_try is None else round(link.next_try - time.time(), 1)
            self._recorder.seen(
                node=i, link=link.state.value, attempt=link.attempt, error=link.error, wait=wait
            )

    def _error(self, i: int) -> str:
        return self.board.snapshot().nodes[i].link.error

    def _once(self, i: int) -> str:
        """Watch a node until its connection breaks; returns why it did, in words."""
        try:
            connection = self._connect(i)
        except UserError as error:
            return str(error)
        ended = threading.Event()
        why: list[str] = []

        def on_end(error: Exception | None) -> None:
            if error is not None:
                why.append(str(error))
            ended.set()

        try:
            stream = connection.stream(
                assets.text("scripts", "monitor.sh"), *self._arguments(i),
                on_lines=lambda lines: self._lines(i, lines), on_end=on_end,
            )  # fmt: skip
            self._link(i, Link(LinkState.UP, time.time()))
            if i == 0:
                self._new_head(connection)
            while not ended.is_set() and not self._stop.is_set():
                ended.wait(0.5)
            stream.close()
        except UserError as error:
            why.append(str(error))
        finally:
            if i == 0:
                self._new_head(None)
            connection.close()
        return why[0] if why else ""

    def _arguments(self, i: int) -> list[str]:
        log = f"{self._profile.base_dir}/logs/{job_name(i)}_log.txt"
        words = [f"interval={self._interval:g}", f"log={log}", f"tail={TAIL_LINES}"]
        place = self.board.reader(i).resume()
        if self._recorder is not None:
            self._recorder.lines(i, [f"@@ {RESUMED}"])
        if place is not None:
            words += [f"inode={place.inode}", f"offset={place.offset}"]
            if place.mark:
                words.append(f"mark={place.mark}")
        return words

    def _lines(self, i: int, lines: Sequence[str]) -> None:
        if self._recorder is not None:
            self._recorder.lines(i, lines)
            if self._recorder.error is not None:
                self._recording_ended()
        self.board.reader(i).feed(lines)

    def _new_head(self, connection: Connection | None) -> None:
        self._head = connection
        self._head_changed.set()

    def _watch_engine(self) -> None:
        service: Service | None = None
        opened_by: Connection | None = None
        asking = threading.Semaphore(8)
        while not self._stop.is_set():
            head = self._head
            if head is not opened_by:
                if service is not None:
                    service.close()
                service, opened_by = None, head
            try:
                if service is None and head is not None:
                    service = open_service(head, self._profile)
                if service is not None:
                    self._read_engine(service)
                    if self._ask_ranks:
                        self._ask(service, asking)
            except UserError as error:
                self._health_due = 0.0
                self.board.metrics(None, healthy=False, error=str(error))
                if self._recorder is not None:
                    self._recorder.seen(engine_error=str(error))
                if service is not None and not isinstance(error, ServiceError):
                    service.close()
                    service = None
            self._head_changed.clear()
            self._stop.wait(METRICS_S)
        if service is not None:
            service.close()

    def _read_engine(self, service: Service) -> None:
        text = service.metrics_text(timeout=5.0)
        found = parse_metrics(text)
        if self._recorder is not None:
            self._recorder.metrics(text)
        if time.monotonic() >= self._health_due:
            self._health_due = time.monotonic() + HEALTH_S
            self._healthy = service.health(timeout=5.0)
            if self._recorder is not None:
                self._recorder.seen(healthy=self._healthy)
        self.board.metrics(found, healthy=self._healthy)

    def _ask(self, service: Service, asking: threading.Semaphore) -> None:
        from glm47_tui.monitor.ranks import ANSWER_S

        for engine in self.board.ranks_to_ask():
            if not engine.isdigit() or not asking.acquire(blocking=False):
                continue
            self.board.rank_asked(engine)
            if self._recorder is not None:
                self._recorder.seen(asked=engine)

            def question(engine: str = engine) -> None:
                ok = True
                try:
                    service.probe_rank(int(engine), timeout=ANSWER_S)
                except UserError:
                    ok = False
                finally:
                    asking.release()
                self.board.rank_answered(engine, ok)
                if self._recorder is not None:
                    self._recorder.seen(answered=engine, ok=ok)

            threading.Thread(target=question, name=f"ask-rank{engine}", daemon=True).start()

    def _recording_ended(self) -> None:
        """Say once that the recording could not go on (a full disk); watching does go on."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self.board.event("recording", Weight.WARNING, None, why=recorder.error)
