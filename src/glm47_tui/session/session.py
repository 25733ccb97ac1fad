"""The session: one draft and everything that became known or was started from it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from glm47_tui.errors import UserError
from glm47_tui.session.asks import Asks
from glm47_tui.session.draft import Draft
from glm47_tui.session.inbox import Inbox
from glm47_tui.session.steps import STEPS, Mark
from glm47_tui.session.tasks import Tasks

if TYPE_CHECKING:
    from glm47_tui.session.job import JobRoom
    from glm47_tui.session.nodes import NodesRoom
    from glm47_tui.session.talk import TalkRoom
    from glm47_tui.session.watch import WatchRoom


class Session:
    """What all screens share. Rooms of work are made when first asked for: they import much.

    ``word`` is a profile's path or name; ``home`` moves profiles, drafts and journals elsewhere.
    """

    def __init__(self, word: str | None = None, *, home: Path | None = None) -> None:
        if home is not None:
            os.environ["GLM47_TUI_HOME"] = str(home)
        self.word = word
        self.inbox = Inbox()
        self.tasks = Tasks(self.inbox)
        self.asks = Asks(self.inbox.touch)
        self.draft: Draft | None = None
        self.opening: UserError | None = None
        """Why the profile the user named could not be opened."""
        self.unkept: UserError | None = None
        """Why the draft could not be written, until the face has said so."""
        self.visited: set[str] = set()
        self._lock = threading.Lock()
        self._nodes: NodesRoom | None = None
        self._job: JobRoom | None = None
        self._watch: WatchRoom | None = None
        self._talk: TalkRoom | None = None

    def open_named(self) -> None:
        """Open the profile named at the start, if any."""
        if self.word is None or self.draft is not None:
            return
        from glm47_tui.session.drafts import open_profile

        try:
            self.use(open_profile(self.word))
        except UserError as error:
            self.opening = error
            self.word = None
            self.inbox.touch("*")

    def use(self, draft: Draft) -> None:
        """Go on with another draft; what was known of other nodes is dropped."""
        self._close_rooms()
        self.draft = draft
        self.opening = None
        self.visited.clear()
        self.inbox.touch("draft")

    def keep(self) -> None:
        """Write the draft to disk if it was edited. A disk that takes nothing is told, no more."""
        if self.draft is not None and self.draft.changed:
            from glm47_tui.session.drafts import keep

            try:
                keep(self.draft)
            except UserError as error:
                self.unkept = error
                self.inbox.touch("draft")

    @property
    def nodes(self) -> NodesRoom:
        """Connections, facts and findings."""
        if self._nodes is None:
            from glm47_tui.session.nodes import NodesRoom

            self._nodes = NodesRoom(self)
        return self._nodes

    @property
    def job(self) -> JobRoom:
        """The deployment."""
        if self._job is None:
            from glm47_tui.session.job import JobRoom

            self._job = JobRoom(self)
        return self._job

    @property
    def watch(self) -> WatchRoom:
        """NPU readings and logs, live."""
        if self._watch is None:
            from glm47_tui.session.watch import WatchRoom

            self._watch = WatchRoom(self)
        return self._watch

    @property
    def talk(self) -> TalkRoom:
        """The chat with the model."""
        if self._talk is None:
            from glm47_tui.session.talk import TalkRoom

            self._talk = TalkRoom(self)
        return self._talk

    def mark(self, step: str) -> Mark:
        """Tell how a step of the wizard stands."""
        from glm47_tui.session.marks import mark

        return mark(self, step)

    def marks(self) -> dict[str, Mark]:
        """Tell how all steps stand."""
        return {step: self.mark(step) for step in STEPS}

    def peek(self) -> tuple[NodesRoom | None, JobRoom | None, WatchRoom | None, TalkRoom | None]:
        """Return the rooms that are open already, opening none."""
        return self._nodes, self._job, self._watch, self._talk

    def _close_rooms(self) -> None:
        self.tasks.cancel_all()
        for room in (self._talk, self._watch, self._job, self._nodes):
            if room is not None:
                room.close()
        self._nodes = self._job = self._watch = self._talk = None

    def close(self) -> None:
        """End everything: nobody is asked any more, readers stop, connections close."""
        self.asks.close()
        self._close_rooms()
