"""The frame every step stands in (rail, heading, body, keys), and how it follows the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen

from glm47_tui.i18n import Msg, t
from glm47_tui.session.steps import STEPS
from glm47_tui.widgets.keybar import KeyBar
from glm47_tui.widgets.rail import Rail
from glm47_tui.widgets.say import Say

if TYPE_CHECKING:
    from glm47_tui.session import Session

WIDTHS = [(0, "-narrow"), (100, "-wide")]
HEIGHTS = [(0, "-short"), (30, "-tall")]
"""Cells from which a class holds; the app has the same as its breakpoints."""

ALL = frozenset({"*"})
"""Topics that make a screen draw everything."""


class Wizard(Protocol):
    """What a screen may know of the app it stands in."""

    session: Session

    @property
    def step_shown(self) -> str:
        """The step on the screen."""

    def action_go(self, step: str) -> None:
        """Go to a step."""

    def save_profile(self) -> bool:
        """Save the profile if it holds, else the draft; tell whether it was saved."""

    def speak(self, wanted: str | None) -> None:
        """Speak a language from now on."""


class StepScreen(Screen[None]):
    """A step of the wizard. Subclasses give STEP, ``body()`` and ``follow(topics)``."""

    STEP: ClassVar[str]
    BINDINGS: ClassVar[list[BindingType]] = []

    @property
    def wizard(self) -> Wizard:
        """The app, as far as a screen may know it."""
        return cast(Wizard, self.app)

    @property
    def session(self) -> Session:
        """What this screen is a view of."""
        return self.wizard.session

    def compose(self) -> ComposeResult:
        """Make the frame around the body, as narrow or wide as the terminal is now."""
        width, height = self.app.size
        for bounds, size in ((WIDTHS, width), (HEIGHTS, height)):
            self.add_class([name for least, name in bounds if size >= least][-1])
        with Container(id="frame"):
            yield Rail(STEPS, self.STEP)
            with Container(id="main"):
                with Horizontal(id="heading"):
                    yield Say(f"app.step.{self.STEP}", id="title")
                    yield Say(f"screens.{self.STEP}.hint", id="hint")
                with Container(id="body"):
                    yield from self.body()
        yield KeyBar()

    def body(self) -> ComposeResult:
        """Make what is the screen's own."""
        yield from ()

    def on_screen_resume(self) -> None:
        """Draw what happened while another screen was shown."""
        self.session.visited.add(self.STEP)
        if self.is_mounted:
            self.draw(ALL)

    def on_mount(self) -> None:
        """Draw for the first time."""
        self.draw(ALL)

    def draw(self, topics: frozenset[str]) -> None:
        """Draw what the topics touch: the frame's own, then the screen's."""
        self.query_one(Rail).show({s: m.value for s, m in self.session.marks().items()})
        self.query_one("#doing", Say).say(self.doing())
        self.follow(topics)

    def doing(self) -> Msg | str:
        """Say what runs now, or which profile is open."""
        active = self.session.tasks.active
        if active:
            task = active[-1]
            return task.note or task.title
        draft = self.session.draft
        if draft is None:
            return ""
        return Msg.of("app.unsaved", name=draft.name) if draft.changed else draft.name

    def told_busy(self) -> bool:
        """Whether something runs already, which is said: one thing at a time on the nodes."""
        active = self.session.tasks.active
        if active:
            told = Msg.of("app.busy_with", task=active[-1].title)
            self.notify(t(told), severity="warning", markup=False)
        return bool(active)

    def follow(self, topics: frozenset[str]) -> None:
        """Draw what the topics touch (``*``: everything)."""

    def take_typed(self) -> None:
        """Take over what stands in the field that is being filled in, before all is kept."""

    async def may_leave(self, forward: bool) -> bool:
        """Tell whether the user may go on; a screen can ask first."""
        del forward
        return True

    def relabel(self) -> None:
        """Draw everything in the current language."""
        self.draw(ALL)

    def on_rail_chosen(self, event: Rail.Chosen) -> None:
        """Go to the step that was clicked."""
        self.wizard.action_go(event.step)
