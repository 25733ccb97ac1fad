"""The terminal app: which screen is shown, the keys that work everywhere, the 10 Hz drain."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from glm47_tui import screens
from glm47_tui.errors import UserError
from glm47_tui.i18n import LANGUAGES, Msg, choose_language, language, set_language, t
from glm47_tui.screens.base import StepScreen
from glm47_tui.session import Session
from glm47_tui.session.steps import STEPS, after
from glm47_tui.session.tasks import where
from glm47_tui.widgets import scrollbar
from glm47_tui.widgets.theme import DARK, LIGHT, THEMES

DRAIN_S = 0.1
"""Seconds between two looks into the session's inbox."""


class WizardApp(App[int]):
    """The wizard. ``session`` holds all it knows; screens are views of it."""

    CSS_PATH = "screens/frame.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own type
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    SCREENS: ClassVar[dict[str, Any]] = {step: partial(screens.make, step) for step in STEPS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "step(-1)", "app.key.back"),
        Binding("ctrl+n", "step(1)", "app.key.next"),
        Binding("f2", "language", "app.key.language", key_display="F2"),
        Binding("question_mark,f1", "help", "app.key.help"),
        Binding("q,ctrl+q", "quit", "app.key.quit"),
        Binding("f3", "look", "app.key.look", show=False),
        Binding("ctrl+c", "quit", "app.key.quit", show=False),
        *(Binding(str(i), f"go('{step}')", show=False) for i, step in enumerate(STEPS, 1)),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._asking = False
        scrollbar.install()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def on_mount(self) -> None:
        """Show the first step, then begin to look into the inbox."""
        self.push_screen(STEPS[0])
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.session.open_named()
        self.set_interval(DRAIN_S, self.drain)

    def drain(self) -> None:
        """Take in what workers found and let the shown screen draw it."""
        topics = self.session.inbox.drain()
        if topics:
            self._answer_next()
            for screen in self.screen_stack:
                if isinstance(screen, StepScreen) and screen.is_mounted:
                    screen.draw(topics)

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
        for screen in reversed(self.screen_stack):
            if isinstance(screen, StepScreen):
                return screen.STEP
        return STEPS[0]

    def action_step(self, by: int) -> None:
        """Go one step on or back."""
        target = after(self.step_shown, by)
        if target is not None:
            self.action_go(target)

    def action_go(self, step: str) -> None:
        """Go to a step, saving the draft on the way."""
        self.run_worker(self._go(step), exclusive=True, group="go", exit_on_error=False)

    async def _go(self, step: str) -> None:
        shown = self.screen
        if not isinstance(shown, StepScreen) or step == shown.STEP:
            return
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
        for screen in [*self._installed_screens.values(), *self.screen_stack]:
            if isinstance(screen, Screen) and screen.is_mounted:
                _relabel(screen)

    def action_look(self) -> None:
        """Switch between the dark and the light theme."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def save_profile(self) -> bool:
        """Save the profile if it holds, else the draft; say which. Tell whether it was saved."""
        from glm47_tui.session import drafts

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
        self.notify(t(Msg.of("screens.profile.saved", path=str(saved))), markup=False)
        return True

    def action_help(self) -> None:
        """Show what the step is for and its keys."""
        from glm47_tui.screens.dialogs.help import Help

        if not isinstance(self.screen, StepScreen):
            return
        keys: dict[str, tuple[str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            described = binding.description and "." in binding.description
            if described and binding.action not in keys:
                keys[binding.action] = (self.get_key_display(binding), binding.description)
        self.push_screen(Help(self.screen.STEP, tuple(keys.values())))

    async def action_quit(self) -> None:
        """End the app; ask first when something is running."""
        self.session.keep()
        running = self.session.tasks.active
        if not running:
            self.exit(0)
            return
        from glm47_tui.screens.dialogs.choose import Choose

        lines = [Msg.of("screens.quit.running", what=task.title) for task in running]
        answers = [("quit", "screens.quit.quit"), ("stay", "screens.quit.stay")]

        def answered(answer: str | None) -> None:
            if answer == "quit":
                self.exit(0)

        dialog = Choose("screens.quit.title", [*lines, "screens.quit.draft"], answers)
        self.push_screen(dialog, answered)

    def _fatal_error(self) -> None:
        """End after a bug: say where it is, never what values it held (they may be secrets)."""
        error = self._exception
        place = where(error) if error is not None else "?"
        self._exit_renderables.append(t(Msg.of("app.fatal", place=place)))
        self._close_messages_no_wait()

    def on_unmount(self) -> None:
        """Let go of everything the session holds."""
        self.session.close()


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
    session = Session(profile, home=home)
    app = WizardApp(session)
    result = app.run()
    return result if isinstance(result, int) else (app.return_code or 0)
