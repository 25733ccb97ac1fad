"""Long work on named daemon threads, one of each name at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.session.inbox import Inbox

log = logging.getLogger(__name__)


@dataclass
class Task:
    """One piece of long work. ``note`` says what it waits for, ``error`` why it ended badly.

    ``started`` and ``ended`` are seconds of ``time.monotonic()``.
    """

    name: str
    title: Msg
    cancel: threading.Event = field(default_factory=threading.Event)
    running: bool = True
    note: Msg | None = None
    error: UserError | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        return (self.ended or time.monotonic()) - self.started


class Tasks:
    """All tasks by name. State is written on the screen's thread only."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._by_name: dict[str, Task] = {}

    def get(self, name: str) -> Task | None:
        """Return the running or last task of a name."""
        return self._by_name.get(name)

    def running(self, name: str | None = None) -> bool:
        """Tell whether a task (any, without a name) is running."""
        if name is not None:
            task = self._by_name.get(name)
            return task is not None and task.running
        return any(task.running for task in self._by_name.values())

    @property
    def active(self) -> tuple[Task, ...]:
        """The running tasks, oldest first."""
        return tuple(task for task in self._by_name.values() if task.running)

    def start(self, name: str, title: Msg, work: Callable[[Task], None]) -> Task | None:
        """Run work on a daemon thread of that name; None when one is running already.

        A UserError becomes the task's error; any other exception too, in words that hold nothing
        of its values (they may be secrets).
        """
        if self.running(name):
            return None
        task = Task(name, title)
        self._by_name[name] = task
        thread = threading.Thread(
            target=self._run, args=(task, work), name=f"glm47-{name}", daemon=True
        )
        thread.start()
        self._inbox.touch("tasks")
        return task

    def _run(self, task: Task, work: Callable[[Task], None]) -> None:
        error: UserError | None = None
        try:
            work(task)
        except UserError as caught:
            error = caught
        except Exception as caught:  # a bug: named by its kind and place, values stay out
            log.warning("task %s ended with %s", task.name, where(caught))
            error = UserError(
                Msg.of("app.bug", task=task.title, place=where(caught)), fix=Msg.of("app.bug_fix")
            )

        def ended() -> None:
            task.running = False
            task.ended = time.monotonic()
            task.error = error

        self._inbox.put("tasks", ended)

    def cancel_all(self) -> None:
        """Ask every running task to end."""
        for task in self.active:
            task.cancel.set()


def where(error: BaseException) -> str:
    """Name an exception by kind, file and line, and by nothing it holds."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{type(error).__name__} ({file}:{trace.tb_lineno})"
