"""How long a reading was on its way: a stalled connection delivers old ones, which are not fresh.

The clocks of two machines differ by an unknown amount. The shortest way seen lately (arrival here
minus the node's time since boot) stands for no delay; what is longer than that is delay.
"""

from __future__ import annotations

from collections import deque

_READINGS = 120
"""So many readings back, the shortest way counts: a clock that is set here heals by then."""


class Lag:
    """Of one node, over all its connections: what it was before a cut still holds after it."""

    def __init__(self) -> None:
        self._ways: deque[float] = deque(maxlen=_READINGS)
        self._uptime = 0.0

    def of(self, arrived: float, uptime: float | None) -> float:
        """Return the seconds that a reading was late: 0 for the first, and where nothing is known.

        ``arrived`` is this side's clock, ``uptime`` the node's seconds since boot.
        """
        if uptime is None:
            return 0.0
        if uptime < self._uptime:
            self._ways.clear()  # the node was booted again
        self._uptime = uptime
        way = arrived - uptime
        self._ways.append(way)
        return way - min(self._ways)
