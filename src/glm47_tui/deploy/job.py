"""One run over the nodes of a profile: deploy, stop, roll back, look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from pydantic import SecretStr

from glm47_tui.deploy.consent import Consent, NoConsent
from glm47_tui.deploy.events import Emit, RunEnded
from glm47_tui.deploy.status import ServiceStatus
from glm47_tui.profile import Profile
from glm47_tui.remote.api import Ask, Fleet, Nobody, Stream


class Job:
    """Brings the nodes of a profile to what it says.

    The methods block until the run is over (call them on a thread of your own); everything that
    happens is an event at ``emit``, which is called from several threads, one at a time. No method
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
        self._secrets = secrets or {}
        self._cancel = cancel or threading.Event()
        self._ask: Ask = ask or Nobody()
        self._journal = journal

    def deploy(self, dry_run: bool = False, start: str | None = None) -> RunEnded:
        """Do what is missing, stage by stage; ``start`` retries from that stage on.

        With ``dry_run`` nothing is changed, not even a lock taken: steps say NEEDED or PRESENT.
        """
        raise NotImplementedError

    def stop(self) -> RunEnded:
        """End the engines on all nodes; all else stays."""
        raise NotImplementedError

    def rollback(self) -> RunEnded:
        """Take everything back: engines, patches byte for byte, container, files; logs stay."""
        raise NotImplementedError

    def status(self) -> ServiceStatus:
        """Look at all nodes and the API, changing nothing."""
        raise NotImplementedError

    def last_log(self, node: int, lines: int) -> list[str]:
        """Return the last lines of a node's engine log. Raises UserError."""
        raise NotImplementedError

    def follow_logs(
        self,
        node: int,
        sink: Callable[[Sequence[str]], None],
        *,
        tail: int | None = None,
        follow: bool = True,
    ) -> Stream:
        """Hand batches of a node's engine log to ``sink`` on a thread, across reconnections.

        ``tail`` begins that many lines before the end, None at the beginning; without ``follow``
        the stream ends at the end of the file.
        """
        raise NotImplementedError
