"""NPU readings and logs of all nodes, live, by the monitor's engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm47_tui.monitor import Monitor, MonitorState
from glm47_tui.profile import Profile
from glm47_tui.remote import Connection, connect_one

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


class WatchRoom:
    """Keeps one monitor, for the profile as it stands; starts it when first looked at."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.monitor: Monitor | None = None
        self._profile: Profile | None = None

    def start(self) -> Monitor | None:
        """Watch the draft's nodes; None while the draft does not hold."""
        draft = self.session.draft
        profile = draft.profile if draft is not None else None
        if profile is None:
            return None
        same = self._profile is not None and _seen(profile) == _seen(self._profile)
        if self.monitor is not None and same:
            return self.monitor
        self.close()
        self._profile = profile

        def connect(index: int) -> Connection:
            return connect_one(profile, index, self.session.asks)

        self.monitor = Monitor(profile, connect)
        self.monitor.start()
        return self.monitor

    def snapshot(self) -> MonitorState | None:
        """Return the last readings, None before the start."""
        return self.monitor.snapshot() if self.monitor is not None else None

    def close(self) -> None:
        """Stop watching."""
        if self.monitor is not None:
            self.monitor.stop(wait_s=0.2)
            self.monitor = None


def _seen(profile: Profile) -> object:
    return profile.nodes, profile.ssh, profile.launch, profile.name
