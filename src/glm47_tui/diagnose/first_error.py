"""The first ERROR of the first failing rank: what is said when no entry matches."""

from __future__ import annotations

import re
from dataclasses import dataclass

from glm47_tui.diagnose.lines import Head
from glm47_tui.diagnose.report import Place

_LINES = 1500
"""Lines looked at in a run, from errors on: first errors stand early, storms come after."""
_CALM = 60
"""Lines without an error after which the search rests until the next one."""
_PROCESSES = 32

_EXCEPTION = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*"
    r"(?:Error|Exception|Exit|Interrupt|Timeout|Failure|Warning|NotFound|Invalid\w*)(?::|$)"
)
# A process that was told to end says so in a traceback: nothing failed.
_TOLD_TO = ("KeyboardInterrupt", "SystemExit", "asyncio.exceptions.CancelledError")
_TRACEBACK = "Traceback (most recent call last)"
_MARKS = (b"ERROR", b"Traceback (most")


@dataclass
class _Failing:
    first: Place
    exception: Place | None = None
    in_traceback: bool = False
    told_to: bool = False

    @property
    def unfinished(self) -> bool:
        """True while the frames of its traceback go on."""
        return self.in_traceback and self.exception is None and not self.told_to


class FirstErrors:
    """Collects the first error, and the exception it ends in, of each process of a run."""

    def __init__(self) -> None:
        self._left = _LINES
        self._calm = 0
        self._failing: dict[str, _Failing] = {}

    @property
    def following(self) -> bool:
        """True while the lines after an error are being read."""
        return self._calm > 0 and self._left > 0

    def starts_in(self, block: bytes, at: int = 0) -> int:
        """Return where in a block (from ``at`` on) reading must begin, -1: nothing to read."""
        if self._left <= 0:
            return -1
        if self._calm > 0:
            return at
        places = [found for mark in _MARKS if (found := block.find(mark, at)) >= 0]
        return max(at, block.rfind(b"\n", at, min(places)) + 1) if places else -1

    def take(self, head: Head, message: str, place: Place) -> bool:
        """Look at one line; False when the search may rest."""
        self._left -= 1
        traceback = message.startswith(_TRACEBACK)
        is_error = head.level in ("ERROR", "CRITICAL", "FATAL") or traceback
        self._calm = _CALM if is_error else self._calm - 1
        if (open_ := self._failing.get(place.process)) and open_.unfinished:
            self._calm = max(self._calm, 1)
        if head.quiet or self._left <= 0:
            return self.following
        known = self._failing.get(place.process)
        if known is None:
            if not is_error or len(self._failing) >= _PROCESSES:
                return self.following
            known = self._failing[place.process] = _Failing(place)
        if traceback:
            known.in_traceback = True
        elif known.unfinished and _EXCEPTION.match(message):
            if message.startswith(_TOLD_TO):
                known.told_to = True
            else:
                known.exception, known.told_to = place, False
        return self.following

    def first(self) -> tuple[Place, Place | None] | None:
        """Return the first error and its exception: of a process that raised one, if any did."""
        failing = [f for f in self._failing.values() if not f.told_to]
        some = [f for f in failing if f.exception] or failing
        if not some:
            return None
        earliest = min(some, key=lambda f: (f.first.line,))
        return earliest.first, earliest.exception
