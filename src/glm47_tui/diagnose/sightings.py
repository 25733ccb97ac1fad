"""What was seen in one run of one log: bounded, however long the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glm47_tui.diagnose.catalog import Entry
from glm47_tui.diagnose.first_error import FirstErrors
from glm47_tui.diagnose.phases import PhaseReader
from glm47_tui.diagnose.report import Place

SETTLED = 64
"""Sightings after which an entry is only counted: its first places are known by then."""
_PROCESSES = 16
_PHASE_LINES = 1024
# Repeated lines belong together when no more than this lies between them, in seconds.
_STREAK_GAP = 300.0
# Values missing in the first line of a message are taken from lines this close below it.
_SAME_MESSAGE = 40


@dataclass
class Sight:
    """One entry, seen in one run of one log."""

    entry: Entry
    first: Place
    values: dict[str, str]
    count: int = 0
    by_process: dict[str, Place] = field(default_factory=dict)
    last_time: float | None = None
    streak_start: Place | None = None
    streak_count: int = 0
    longest: float = 0.0
    """Seconds the longest unbroken repetition lasted."""
    longest_start: Place | None = None
    longest_count: int = 0

    @property
    def settled(self) -> bool:
        """True when more sightings change nothing but the count."""
        return self.count >= SETTLED and not self.entry.repeat

    def add(self, place: Place, values: Mapping[str, str]) -> None:
        """Take one more sighting."""
        self.count += 1
        if place.process not in self.by_process and len(self.by_process) < _PROCESSES:
            self.by_process[place.process] = place
        if place.process == self.first.process and place.line - self.first.line <= _SAME_MESSAGE:
            for name, value in values.items():
                self.values.setdefault(name, value)
        if self.entry.repeat:
            self._streak(place)

    def _streak(self, place: Place) -> None:
        now, before = place.time, self.last_time
        broken = now is not None and before is not None and now - before > _STREAK_GAP
        if self.streak_start is None or broken:
            self.streak_start, self.streak_count = place, 0
        self.streak_count += 1
        self.last_time = now if now is not None else before
        began = self.streak_start.time
        lasted = now - began if now is not None and began is not None else 0.0
        if lasted >= self.longest:
            self.longest, self.longest_start = lasted, self.streak_start
            self.longest_count = self.streak_count

    @property
    def repeated(self) -> bool:
        """True when the entry was seen for as long as it asks for (always, when it asks not)."""
        minutes = self.entry.repeat
        if not minutes:
            return True
        if self.first.time is None:  # no stamps: these lines come about once a minute
            return self.count > max(2, minutes)
        return self.longest >= minutes * 60


@dataclass
class Run:
    """One start of the engine, as one log tells it."""

    first_line: int = 1
    head: bool = False
    """True when the run's first line was seen."""
    started: float | None = None
    """The first stamp of the run."""
    ended: float | None = None
    """The last stamp of the run."""
    phases: PhaseReader = field(default_factory=PhaseReader)
    sights: dict[str, Sight] = field(default_factory=dict)
    errors: FirstErrors = field(default_factory=FirstErrors)
    serving: Place | None = None
    """The line that said the service is up."""
    phase_since: float | None = None
    _phase_lines: dict[bytes, int] = field(default_factory=dict)

    def often(self, message: bytes) -> bool:
        """True when a phase message came, word for word, more often than ranks can say it."""
        if len(self._phase_lines) > _PHASE_LINES:
            self._phase_lines.clear()
        self._phase_lines[message] = blocks = self._phase_lines.get(message, 0) + 1
        return blocks > SETTLED

    def see(self, entry: Entry, place: Place, values: Mapping[str, str]) -> None:
        """Take a sighting."""
        sight = self.sights.get(entry.id)
        if sight is None:
            sight = self.sights[entry.id] = Sight(entry, place, dict(values))
        sight.add(place, values)
