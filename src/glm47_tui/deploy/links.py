"""The connections of a run, made again when they drop: bounded, and shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from glm47_tui.deploy.bus import Bus
from glm47_tui.deploy.errors import Halted, failed
from glm47_tui.deploy.events import Progress
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.remote import RemoteError, connect_one
from glm47_tui.remote.api import Ask, Connection, Fleet, LineSink, Result

PAUSES: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
"""Seconds before each try to connect again."""

ONCE: Final = (0.0,)
"""One try: for what may fail without harm, so that no failed run waits a minute for it."""

BRIEF: Final = (0.0, 1.0, 2.0, 4.0)
"""For stop and rollback: a node that does not come back soon must not hold up the others."""

_PASSING: Final = frozenset(
    {"refused", "timeout", "unreachable", "lost", "jump", "auth_cut", "protocol", "sessions"}
)
"""Kinds of RemoteError that another try may heal."""


class Links:
    """Connections by node number. Thread-safe."""

    def __init__(
        self,
        profile: Profile,
        fleet: Fleet,
        ask: Ask,
        bus: Bus,
        halt: threading.Event,
        *,
        pauses: Sequence[float] | None = None,
    ) -> None:
        self._profile = profile
        self._fleet = fleet
        self._ask = ask
        self._bus = bus
        self._halt = halt
        self._pauses = PAUSES if pauses is None else pauses
        self._locks = [threading.Lock() for _ in profile.nodes]
        self._away: dict[int, float] = {}

    def away_s(self, node: int) -> float:
        """Seconds since a node's connection was found gone and could not be made again; 0: it is
        there, as far as this side knows."""
        since = self._away.get(node)
        return 0.0 if since is None else time.monotonic() - since

    def get(self, node: int) -> Connection:
        """Return a node's connection; raises what kept it from being made."""
        found = self._fleet.connections.get(node)
        if found is None:
            failure = self._fleet.failures.get(node)
            if isinstance(failure, UserError):
                raise failure
            raise failed("not_connected", node=self._profile.node_name(node))
        return found

    def again(self, node: int, stage: str, pauses: Sequence[float] | None = None) -> Connection:
        """Return a live connection, made anew if need be. Raises RemoteError or Halted."""
        with self._locks[node]:
            found = self._fleet.connections.get(node)
            if found is not None and found.alive:
                return found
            if found is not None:
                found.close()
            return self._make(node, stage, pauses)

    def _make(self, node: int, stage: str, pauses: Sequence[float] | None) -> Connection:
        pauses = self._pauses if pauses is None else pauses
        begin = time.monotonic()
        self._away.setdefault(node, begin)
        limit = sum(pauses) + self._profile.limits.connect_s
        last = begin
        for attempt, pause in enumerate(pauses, 1):
            note = Msg.of("deploy.progress.reconnect", attempt=attempt, most=len(pauses))
            elapsed = time.monotonic() - begin
            self._bus.emit(Progress(stage, node, note, None, elapsed, limit))
            # A try at a machine that answers nothing takes its whole limit: that is pause enough,
            # and all tries together take no longer than if each were refused at once.
            if self._halt.wait(max(0.0, last + pause - time.monotonic())):
                raise Halted
            last = time.monotonic()
            try:
                made = connect_one(self._profile, node, self._ask)
            except RemoteError as error:
                spent = time.monotonic() - begin >= sum(pauses)
                if error.kind not in _PASSING or attempt == len(pauses) or spent:
                    raise
                continue
            self._fleet.connections[node] = made
            self._fleet.failures.pop(node, None)
            self._away.pop(node, None)
            return made
        raise AssertionError("unreachable")

    def run(
        self,
        node: int,
        script: str,
        *args: str,
        timeout: float,
        stage: str,
        secrets: Mapping[str, str] | None = None,
        on_line: LineSink | None = None,
        cancel: bool | threading.Event = False,
        tries: int = 1,
        pauses: Sequence[float] | None = None,
    ) -> Result:
        """Run a script on a node.

        ``tries`` above 1 is for what may run twice: a cut connection is made again and the script
        sent again. ``cancel``: the run's halt ends it, or this event (else it comes to its own end
        or limit).
        Raises RemoteError; Halted when it was ended.
        """
        stop = cancel if isinstance(cancel, threading.Event) else self._halt if cancel else None
        for left in range(tries - 1, -1, -1):
            connection = self.get(node)
            if not connection.alive:
                connection = self.again(node, stage, pauses)
            try:
                return connection.run(
                    script,
                    *args,
                    timeout=timeout,
                    secrets=secrets,
                    on_line=on_line,
                    cancel=stop,
                )
            except RemoteError as error:
                if stop is not None and stop.is_set():
                    raise Halted from None
                if left == 0 or not (error.kind == "lost" or not connection.alive):
                    raise
                self.again(node, stage, pauses)
        raise AssertionError("unreachable")
