"""The deployment: runs on a thread of its own, its events taken into a :class:`RunState`."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from glm47_tui.deploy import Job, Question
from glm47_tui.deploy.events import Event
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.remote import SecretRequest
from glm47_tui.session.run_state import RunState
from glm47_tui.session.tasks import Task

if TYPE_CHECKING:
    from glm47_tui.session.session import Session

TOKEN = "MODELSCOPE_API_TOKEN"  # noqa: S105 - the name of the variable, no token
VERBS = ("deploy", "stop", "rollback")


class UiConsent:
    """Puts the deployment's questions before the user; a download asks for a token as well."""

    def __init__(self, session: Session, secrets: dict[str, SecretStr | str]) -> None:
        self._session = session
        self._secrets = secrets

    def agree(self, question: Question) -> str | None:
        """Return the option chosen, None when nobody answers; on an engine thread."""
        answer = self._session.asks.ask(question)
        if answer == "download" and TOKEN not in self._secrets:
            request = SecretRequest(
                "prompt", "ModelScope", TOKEN, prompt=str(Msg.of("screens.deploy.token"))
            )
            token = self._session.asks.secret(request)
            if token:
                self._secrets[TOKEN] = SecretStr(token)
        return answer if isinstance(answer, str) else None


class JobRoom:
    """Starts, interrupts and remembers runs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.state = RunState()
        self.profile: Profile | None = None
        """The profile of the last run."""
        self.secrets: dict[str, SecretStr | str] = {}
        if os.environ.get(TOKEN):
            self.secrets[TOKEN] = SecretStr(os.environ[TOKEN])

    @property
    def task(self) -> Task | None:
        """The run that is going on, or the last one."""
        return self.session.tasks.get("run")

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self.session.tasks.running("run")

    def start(self, verb: str, *, dry_run: bool = False, at: str | None = None) -> bool:
        """Begin a run: deploy (``at``: from that stage on), stop or rollback."""
        draft = self.session.draft
        profile = draft.profile if draft is not None else None
        if profile is None or verb not in VERBS or self.session.tasks.running():
            return False
        self.profile = profile
        self.state = RunState()
        title = Msg.of("screens.deploy.dry" if dry_run else f"screens.deploy.verb.{verb}")
        work = partial(self._run, profile, verb, dry_run, at)
        return self.session.tasks.start("run", title, work) is not None

    def cancel(self) -> None:
        """Ask the run to end in good order."""
        if self.task is not None:
            self.task.cancel.set()

    def _run(self, profile: Profile, verb: str, dry_run: bool, at: str | None, task: Task) -> None:
        fleet = self.session.nodes.connected(profile)
        job = Job(
            profile,
            fleet,
            emit=self._emit,
            consent=UiConsent(self.session, self.secrets),
            secrets=self.secrets,
            cancel=task.cancel,
            ask=self.session.asks,
        )
        if verb == "deploy":
            job.deploy(dry_run, at)
        elif verb == "stop":
            job.stop()
        else:
            job.rollback()

    def _emit(self, event: Event) -> None:
        self.session.inbox.put("run", partial(self.state.take, event))

    @property
    def error(self) -> UserError | None:
        """Why the last run broke without an end of its own (a fault of this program)."""
        task = self.task
        return task.error if task is not None and not task.running else None

    def close(self) -> None:
        """Interrupt what runs."""
        self.cancel()
