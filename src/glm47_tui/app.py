"""The terminal app: which screen is shown, the keys that work everywhere, the 10 Hz drain.

Little is imported here, so that the first paint comes fast: a still picture of the frame. The
session and the first real screen are loaded right after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from glm47_tui.i18n import LANGUAGES, Msg, choose_language, language, set_language, t
from glm47_tui.widgets.quiet import QuietApp
from glm47_tui.widgets.splash import STEPS, Splash
from glm47_tui.widgets.theme import DARK, LIGHT, THEMES

if TYPE_CHECKING:
    from glm47_tui.monitor import Monitor, Player
    from glm47_tui.screens.base import StepScreen
    from glm47_tui.session import Session

DRAIN_S = 0.1
"""Seconds between two looks into the session's inbox."""
QUIT_LIMIT_S = 30.0
"""Seconds that a run gets to end in good order when the user quits."""


def _make(step: str) -> StepScreen:
    from glm47_tui import screens

    return screens.make(step)


class WizardApp(QuietApp):
    """The wizard. ``session`` holds all it knows; screens are views of it."""

    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own type
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    SCREENS: ClassVar[dict[str, Any]] = {step: partial(_make, step) for step in STEPS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "step(-1)", "app.key.back"),
        Binding("ctrl+n", "step(1)", "app.key.next"),
        Binding("f2", "language", "app.key.language", key_display="F2"),
        Binding("question_mark,f1", "help", "app.key.help"),
        Binding("q,ctrl+q", "quit", "app.key.quit"),
        # At once, before what is typed ahead on a slow machine: it would go to the field left.
        Binding("tab", "focus_next", show=False, priority=True),
        Binding("shift+tab", "focus_previous", show=False, priority=True),
        Binding("f3", "look", "app.key.look", show=False),
        Binding("ctrl+c", "quit", "app.key.quit", show=False),
        *(Binding(str(i), f"go('{step}')", show=False) for i, step in enumerate(STEPS, 1)),
    ]

    def __init__(
        self, session: Session | Callable[[], Session], *, lang: str | None = None
    ) -> None:
        super().__init__()
        self._session = session
        self._lang = lang
        self._asking = False
        self._begun = False
        self.faults: list[str] = []
        """Places of faults that were survived; tests want none."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    @property
    def session(self) -> Session:
        """What all screens are views of; made when first asked for."""
        if callable(self._session):
            self._session = self._session()
        return self._session

    def get_default_screen(self) -> Screen[Any]:
        """Return the still picture that is painted first."""
        return Splash()

    def on_mount(self) -> None:
        """Load the rest once the first picture is out."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        from glm47_tui.widgets import breaks, scrollbar

        breaks.install()
        scrollbar.install()
        self.push_screen(STEPS[0])
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        self.session.open_named()
        draft = self.session.draft
        if draft is not None and self._lang is None and draft.get("language"):
            self.speak(draft.get("language"))
        if os.environ.get("TERM") == "linux" and self._lang is None and _wants_chinese():
            set_language("en")
            self.notify(t("app.linux_console"), severity="warning", timeout=20, markup=False)
        self.set_interval(DRAIN_S, self.drain)
        self.drain()
        self._begun = True

    @property
    def step_ready(self) -> bool:
        """Whether the first step is loaded and the inbox is looked into."""
        return self._begun

    @property
    def _steps(self) -> list[StepScreen]:
        """The step screens on the stack."""
        from glm47_tui.screens.base import StepScreen

        return [s for s in self.screen_stack if isinstance(s, StepScreen)]

    def drain(self) -> None:
        """Take in what workers found and let the shown screen draw it."""
        topics = self.session.inbox.drain()
        if topics:
            self._say_unkept()
            self._answer_next()
            for screen in self._steps:
                if screen.is_mounted:
                    screen.draw(topics)
            if (take_back := getattr(self.screen, "take_back", None)) is not None:
                take_back()

    def _say_unkept(self) -> None:
        error, self.session.unkept = self.session.unkept, None
        if error is not None:
            self.notify(str(error), severity="error", timeout=15, markup=False)

    def _answer_next(self) -> None:
        """Put the oldest question that waits before the user; one at a time."""
        if self._asking:
            return
        pending = self.session.asks.next()
        if pending is None:
            return
        from glm47_tui.screens.dialogs.route import dialog_for

        dialog = dialog_for(pending)
        if dialog is None:
            pending.give_up()
            return

        def answered(answer: object) -> None:
            self._asking = False
            pending.give(answer)
            self._answer_next()

        self._asking = True
        self.push_screen(dialog, answered)

    @property
    def step_shown(self) -> str:
        """The step on the screen (dialogs may lie over it)."""
        return self._steps[-1].STEP if self._steps else STEPS[0]

    def action_step(self, by: int) -> None:
        """Go one step on or back."""
        index = STEPS.index(self.step_shown) + by
        if 0 <= index < len(STEPS):
            self.action_go(STEPS[index])

    def action_go(self, step: str) -> None:
        """Go to a step, saving the draft on the way."""
        self.run_worker(self._go(step), exclusive=True, group="go", exit_on_error=False)

    async def _go(self, step: str) -> None:
        steps = self._steps
        if not steps or self.screen is not steps[-1] or step == steps[-1].STEP:
            return
        shown = steps[-1]
        shown.take_typed()
        if not await shown.may_leave(STEPS.index(step) > STEPS.index(shown.STEP)):
            return
        self.session.keep()
        await self.switch_screen(step)

    def action_language(self) -> None:
        """Switch between Chinese and English."""
        index = LANGUAGES.index(language())
        self.speak(LANGUAGES[(index + 1) % len(LANGUAGES)])

    def speak(self, wanted: str | None) -> None:
        """Speak a language from now on; None: the environment's. All screens are relabelled."""
        set_language(wanted or choose_language())
        for screen in {*self._installed_screens.values(), *self.screen_stack}:
            if isinstance(screen, Screen) and screen.is_mounted:
                _relabel(screen)

    def action_look(self) -> None:
        """Switch between the dark and the light theme."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def _take_typed(self) -> None:
        if self._steps and self._steps[-1].is_mounted:
            self._steps[-1].take_typed()

    def notify(self, message: str, **more: Any) -> None:
        """Say something in a corner; where the same words still stand, in their place."""
        for said in [n for n in self._notifications if n.message == message]:
            self._unnotify(said, refresh=False)
        super().notify(message, **more)

    def save_profile(self) -> bool:
        """Save the profile if it holds, else the draft; say which. Tell whether it was saved."""
        from glm47_tui.errors import UserError
        from glm47_tui.session import drafts

        self._take_typed()
        draft = self.session.draft
        if draft is None:
            return False
        try:
            if draft.profile is None:
                kept = drafts.keep(draft)
                note = Msg.of("screens.profile.kept", count=len(draft.problems), path=str(kept))
                self.notify(t(note), severity="warning", markup=False)
                return False
            saved = drafts.save_profile(draft)
        except UserError as error:
            self.notify(str(error), severity="error", markup=False)
            return False
        self.session.inbox.touch("draft")
        self.notify(t(Msg.of("screens.profile.saved", path=str(saved))), markup=False)
        return True

    def action_help(self) -> None:
        """Show what the step is for and its keys."""
        from glm47_tui.screens.dialogs.help import help_for

        if self._steps and self.screen is self._steps[-1]:
            self.push_screen(help_for(self._steps[-1], self._steps[-1].STEP))

    async def action_quit(self) -> None:
        """End the app; ask first when something is running."""
        if not self._steps:
            self.exit(0)
            return
        self._take_typed()
        self.session.keep()
        from glm47_tui.screens.dialogs.leave import leave_dialog

        dialog = leave_dialog(self.session)
        if dialog is None:
            unkept = self.session.unkept
            self.exit(0, message=str(unkept) if unkept is not None else None)
            return

        def answered(answer: str | None) -> None:
            if answer == "stop":
                self.session.tasks.cancel_all()
                check = partial(self._exit_when_ended, monotonic() + QUIT_LIMIT_S)
                self.set_interval(DRAIN_S, check)
            elif answer == "quit":
                self.exit(0)

        self.push_screen(dialog, answered)

    def end_by(self, number: int) -> None:
        """End because of a signal: what runs is told to end, and what is half-done is said."""
        if not self._steps:
            self.exit(128 + number)
            return
        self._take_typed()
        self.session.keep()
        self.session.tasks.cancel_all()
        self.set_interval(DRAIN_S, partial(self._exit_when_ended, monotonic() + QUIT_LIMIT_S))

    def _exit_when_ended(self, deadline: float) -> None:
        """Leave once the tasks have ended in good order, or at the deadline; say what is left."""
        if self._exit or (self.session.tasks.running() and monotonic() <= deadline):
            return
        from rich.text import Text

        from glm47_tui.screens.deploy_view import farewell

        self.session.inbox.drain()
        job = self.session.peek()[1]
        words = farewell(job.state) if job is not None else ""
        self.exit(130, message=Text(words) if words else None)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A screen's worker broke: say where, and go on."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        from glm47_tui.session.tasks import where

        self.faults.append(where(error))
        told = Msg.of("app.bug", task=event.worker.group, place=where(error))
        self.notify(t(told), severity="error", markup=False)

    def on_unmount(self) -> None:
        """Let go of everything the session holds."""
        if not callable(self._session):
            self._session.close()


def _wants_chinese() -> bool:
    return choose_language(env={**os.environ, "TERM": ""}) == "zh_CN"


def _relabel(screen: Screen[Any]) -> None:
    for widget in [*screen.walk_children(), screen]:
        again = getattr(widget, "relabel", None)
        if again is not None:
            again()


def run_app(
    profile: str | None = None,
    *,
    demo: bool = False,
    language: str | None = None,
    home: Path | None = None,
) -> int:
    """Run the wizard and return its exit code.

    ``profile`` is a path or a saved name; ``demo`` only says that the profile came with the
    command; ``language`` wins over the profile's and the environment's.
    """
    del demo
    set_language(choose_language(language))

    def session() -> Session:
        from glm47_tui.session import Session

        return Session(profile, home=home)

    app = WizardApp(session, lang=language)
    result = app.run()
    return result if isinstance(result, int) else (app.return_code or 0)


def run_monitor(source: Monitor | Player, *, bell: bool = False) -> int:
    """Run the Monitor screen alone, on a live monitor or a recording; returns the exit code."""
    from glm47_tui.screens.watching import MonitorApp

    app = MonitorApp(source, bell=bell)
    result = app.run()
    return result if isinstance(result, int) else (app.return_code or 0)
