"""One run over the nodes of a profile: deploy, stop, roll back, look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from pydantic import SecretStr

from glm47_tui.deploy.bus import Bus
from glm47_tui.deploy.consent import Consent, NoConsent
from glm47_tui.deploy.deploying import Deployment
from glm47_tui.deploy.engines import tail_log
from glm47_tui.deploy.errors import Halted, Trouble, failed, internal
from glm47_tui.deploy.events import Emit, RunEnded, RunStarted
from glm47_tui.deploy.follow import Follower
from glm47_tui.deploy.journal import Journal
from glm47_tui.deploy.links import BRIEF, PAUSES, Links
from glm47_tui.deploy.lock import Locks
from glm47_tui.deploy.looking import look_at
from glm47_tui.deploy.run import Run
from glm47_tui.deploy.stages import ROLLBACK_STAGES, STAGES, STOP_STAGES
from glm47_tui.deploy.status import ServiceStatus
from glm47_tui.deploy.undoing import Undoing
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Ask, Fleet, Nobody, Stream

_CANCEL_POLL_S = 0.1


class Job:
    """Brings the nodes of a profile to what it says.

    The methods block until the run is over (call them on a thread of your own); everything that
    happens is an event at ``emit``, which is called from several threads, one at a time. No run
    raises for what can go wrong on a node: :class:`RunEnded` says it. ``cancel`` ends the run in
    good order: what is half-done is said, locks are released, the exit code is 130.

    ``secrets`` is asked by name when needed (``MODELSCOPE_API_TOKEN``) and may be filled meanwhile.
    ``ask`` answers a reconnection's questions. Connections stay the caller's to close.
    """

    def __init__(
        self,
        profile: Profile,
        fleet: Fleet,
        *,
        emit: Emit,
        consent: Consent | None = None,
        secrets: Mapping[str, SecretStr | str] | None = None,
        cancel: threading.Event | None = None,
        ask: Ask | None = None,
        journal: bool = True,
    ) -> None:
        self._profile = profile
        self._fleet = fleet
        self._emit = emit
        self._consent: Consent = consent or NoConsent()
        self._secrets = {} if secrets is None else secrets
        self._cancel = cancel or threading.Event()
        self._ask: Ask = ask or Nobody()
        self._journal = journal
        self.journal_broken: str | None = None
        """Why the last run's journal could not be written or is not whole; None when it is."""

    def deploy(
        self,
        dry_run: bool = False,
        start: str | None = None,
        before_change: Callable[[], None] | None = None,
    ) -> RunEnded:
        """Do what is missing, stage by stage; ``start`` retries from that stage on.

        With ``dry_run`` nothing is changed, not even a lock taken: steps say NEEDED or PRESENT.
        ``before_change`` is called once, before the first change, if the states of the nodes say
        that there is anything to do (in a dry run: would be); a UserError it raises ends the run.
        """

        def work(run: Run, locks: Locks) -> None:
            Deployment(
                run, None if dry_run else locks, start=start, before_change=before_change
            ).do()

        return self._run("deploy", STAGES, work, dry=dry_run)

    def stop(self) -> RunEnded:
        """End the engines on all nodes; all else stays.

        A node that cannot be reached holds nobody up: the others' engines end, the steps of that
        node say what may still run there, and the run ends with exit code 3. So does rollback.
        """

        def work(run: Run, locks: Locks) -> None:
            Undoing(run, locks, "stop").stop()

        return self._run("stop", STOP_STAGES, work)

    def rollback(self) -> RunEnded:
        """Take everything back: engines, patches byte for byte, container, files; logs stay."""

        def work(run: Run, locks: Locks) -> None:
            Undoing(run, locks, "rollback").rollback()

        return self._run("rollback", ROLLBACK_STAGES, work)

    def status(self) -> ServiceStatus:
        """Look at all nodes and the API, changing nothing. Never raises for a node."""
        return look_at(self._quiet_run())

    def last_log(self, node: int, lines: int) -> list[str]:
        """Return the last lines of a node's engine log. Raises UserError."""
        run = self._quiet_run()
        return tail_log(run, run.nodes[node], stage="ready", lines=lines)

    def follow_logs(
        self,
        node: int,
        sink: Callable[[Sequence[str]], None],
        *,
        tail: int | None = None,
        follow: bool = True,
        on_end: Callable[[UserError | None], None] | None = None,
    ) -> Stream:
        """Hand batches of a node's engine log to ``sink`` on a thread, across reconnections.

        ``tail`` begins that many lines before the end, None at the beginning; without ``follow``
        the lines that are there are handed over and the stream is ended. Raises UserError when
        the node cannot be asked.
        """
        run = self._quiet_run()
        place = run.nodes[node]
        if not follow:
            sink(tail_log(run, place, stage="ready", lines=tail or 1_000_000))
            return _Ended()
        result = run.call(place, "launch", "lines", stage="ready", timeout=60, tries=3, quiet=True)
        file, _, count = (result.fact("log") or "0 0").partition(" ")
        total = int(count) if count.isdigit() else 0
        first = 1 if tail is None else max(1, total - tail + 1)
        return Follower(
            run, place, lambda lines, _first: sink(lines),
            stage="ready", first=first, file="" if file == "0" else file, on_end=on_end,
        )  # fmt: skip

    def _quiet_run(self) -> Run:
        bus = Bus(lambda _event: None, None)
        return self._made(bus, self._cancel, dry=True)

    def _made(
        self, bus: Bus, halt: threading.Event, *, dry: bool, pauses: Sequence[float] = PAUSES
    ) -> Run:
        links = Links(self._profile, self._fleet, self._ask, bus, halt, pauses=pauses)
        return Run(
            self._profile, links, bus,
            consent=self._consent, secrets=self._secrets, halt=halt, dry=dry,
        )  # fmt: skip

    def _run(
        self,
        verb: str,
        stages: Sequence[str],
        work: Callable[[Run, Locks], None],
        *,
        dry: bool = False,
    ) -> RunEnded:
        begin = time.monotonic()
        journal = Journal(self._profile.name) if self._journal else None
        bus = Bus(self._emit, journal)
        halt = threading.Event()
        if self._cancel.is_set():
            halt.set()
        over = threading.Event()
        run = self._made(bus, halt, dry=dry, pauses=PAUSES if verb == "deploy" else BRIEF)
        locks = Locks(run, verb)
        names = tuple(node.name for node in run.nodes)
        threading.Thread(
            target=self._watch_cancel, args=(halt, over), name="deploy-cancel", daemon=True
        ).start()
        bus.emit(RunStarted(verb, self._profile.name, names, tuple(stages), dry))
        trouble: Trouble | None = None
        halted = False
        try:
            work(run, locks)
        except Trouble as caught:
            trouble = caught
        except Halted:
            halted = True
        except UserError as error:
            trouble = Trouble(error)
        except Exception as error:
            trouble = Trouble(internal(error))
        finally:
            over.set()
            locks.release()
        ended = self._ended(run, verb, trouble, halted, time.monotonic() - begin)
        bus.emit(ended)
        bus.close()
        self.journal_broken = journal.broken if journal is not None else None
        return ended

    def _watch_cancel(self, halt: threading.Event, over: threading.Event) -> None:
        while not over.is_set():
            if self._cancel.wait(_CANCEL_POLL_S):
                halt.set()
                return

    def _ended(
        self, run: Run, verb: str, trouble: Trouble | None, halted: bool, seconds: float
    ) -> RunEnded:
        if halted and run.aborted is not None:
            trouble = Trouble(run.aborted)
        elif halted or (trouble is not None and self._cancel.is_set()):
            error = failed("interrupted")
            error.fix = Msg.of(f"deploy.next.interrupted_{verb}")
            return RunEnded(
                int(Exit.INTERRUPTED), run.bus.changed, seconds, what=error.what, fix=error.fix
            )
        if trouble is None:
            return RunEnded(int(Exit.OK), run.bus.changed, seconds)
        return self._failed(run, trouble, seconds)

    def _failed(self, run: Run, trouble: Trouble, seconds: float) -> RunEnded:
        """Say the diagnosis, then what failed and what to do next."""
        error = trouble.error
        why, fix = error.why, error.fix
        for number, found in enumerate(run.causes.found()):
            run.bus.emit(found)
            if number == 0 and not isinstance(error, RemoteError):
                why, fix = found.cause, found.fix
        return RunEnded(
            int(error.exit_code), run.bus.changed, seconds,
            what=error.what, why=why, fix=fix, node=trouble.node,
        )  # fmt: skip


class _Ended:
    """A stream that is over."""

    ended = True

    def send(self, data: bytes) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing to close."""
