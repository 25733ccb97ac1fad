"""Diagnosis of a run: the lines of all nodes in, the first cause out."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glm47_tui.deploy.events import Diagnosed
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile

if TYPE_CHECKING:
    from glm47_tui.diagnose import Diagnoser
    from glm47_tui.diagnose.report import Cause, Place

MOST = 3
"""Causes shown at the end of a run."""


class Causes:
    """Takes lines of engines and commands; says what the cause is. Thread-safe.

    A fault of the diagnosis ends the diagnosis, never the deployment.
    """

    def __init__(self, profile: Profile) -> None:
        self._names = {profile.node_name(i): i for i in range(len(profile.nodes))}
        self._profile = profile
        self._diagnoser: Diagnoser | None = None
        self._lock = threading.Lock()
        self._broken = False

    def feed(
        self, node: int, lines: Sequence[str], file: str, first_line: int | None = None
    ) -> None:
        """Take lines of one file of one node."""
        with self._lock:
            if self._broken:
                return
            try:
                self._feed(self._profile.node_name(node), lines, file, first_line)
            except Exception:
                self._broken = True

    def _feed(self, node: str, lines: Sequence[str], file: str, first_line: int | None) -> None:
        from glm47_tui.diagnose import Diagnoser

        if self._diagnoser is None:
            self._diagnoser = Diagnoser()
        self._diagnoser.feed(node, lines, file, first_line, at=time.time())

    def forget(self) -> None:
        """Engines are started anew: what was said before counts no more."""
        with self._lock:
            self._diagnoser = None

    def found(self) -> tuple[Diagnosed, ...]:
        """Return the causes, the likeliest first; without one, the first error there is."""
        with self._lock:
            if self._diagnoser is None:
                return ()
            try:
                report = self._diagnoser.report(time.time())
            except Exception:
                return ()
        if report.causes:
            return tuple(self._event(cause) for cause in report.causes[:MOST])
        place = report.exception or report.first_error
        return () if place is None else (self._unknown(place),)

    def _event(self, cause: Cause) -> Diagnosed:
        place = cause.place
        return Diagnosed(
            node=self._names.get(place.node, 0),
            entry=cause.entry,
            title=cause.title,
            cause=cause.cause,
            fix=cause.fix,
            command=cause.command,
            file=place.file,
            line=place.line,
            quote=place.text,
        )

    def _unknown(self, place: Place) -> Diagnosed:
        return Diagnosed(
            node=self._names.get(place.node, 0),
            entry="unknown",
            title=Msg.of("deploy.diagnosis.unknown"),
            cause=Msg.of("deploy.diagnosis.unknown_cause"),
            fix=Msg.of("deploy.diagnosis.unknown_fix"),
            file=place.file,
            line=place.line,
            quote=place.text,
        )
