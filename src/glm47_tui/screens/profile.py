"""Profile: pick a saved one or begin anew, then what to deploy, field by field."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Collapsible, ContentSwitcher, OptionList
from textual.widgets.option_list import Option

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.screens.base import StepScreen
from glm47_tui.session.fields import ADVANCED, BASICS, Field, problem_of
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.field import FieldRow
from glm47_tui.widgets.fold import Fold
from glm47_tui.widgets.say import Say, words

FIELDS = {f.key: f for f in (*BASICS, *(f for group in ADVANCED.values() for f in group))}


class ProfileScreen(StepScreen):
    """Which profile, and its fields."""

    STEP = "profile"
    CSS_PATH = ["frame.tcss", "profile.tcss"]  # noqa: RUF012 - Textual\'s own type
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "pick", "screens.profile.key.open"),
        Binding("ctrl+s", "save", "screens.profile.key.save"),
        Binding("f4", "unfold", "screens.profile.key.unfold"),
        Binding("escape", "leave_field", "screens.profile.key.leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._drawn: object = None

    def body(self) -> ComposeResult:
        """Make both views: the list of profiles, and the form."""
        with ContentSwitcher(initial="pick", id="views"):
            with Vertical(id="pick"):
                yield Say("screens.profile.pick", id="pick-text")
                yield OptionList(id="profiles", markup=False)
                yield Say(id="pick-about")
                yield Say("screens.profile.demo", id="pick-demo")
            with Vertical(id="edit"):
                yield VerticalScroll(id="form", can_focus=False)
                yield Say(id="about")

    def follow(self, topics: frozenset[str]) -> None:
        """Show the draft when another one is open; mark what is wrong."""
        draft = self.session.draft
        if draft is not None and draft is not self._drawn:
            self._drawn = draft
            self.run_worker(self._fill(), exclusive=True, exit_on_error=False)
        elif draft is None and "*" in topics:
            opening = self.session.word is not None and self.session.opening is None
            self.query_one("#views").display = not opening
            if not opening:
                self._list()
        if self.session.opening is not None and draft is None:
            self.query_one("#pick-text", Say).say(str(self.session.opening))

    def _list(self) -> None:
        from glm47_tui.profile import list_names
        from glm47_tui.render import recipes
        from glm47_tui.session.drafts import list_drafts

        options = self.query_one("#profiles", OptionList)
        options.clear_options()
        for name in list_drafts():
            text = words(Msg.of("screens.profile.draft", name=name))
            options.add_option(Option(text, id=f"draft:{name}"))
        for name in list_names():
            options.add_option(Option(name, id=f"saved:{name}"))
        for recipe in recipes():
            title = words(Msg.of("screens.profile.new", title=recipe.title))
            line = Content.assemble(pad(title, 36), " ", (words(recipe.summary), "$quiet"))
            options.add_option(Option(line, id=f"new:{recipe.id}"))
        if options.highlighted is None:
            options.highlighted = 0

    async def _fill(self) -> None:
        """Make the form of the draft now open."""
        from glm47_tui.screens.rows import row_of

        draft = self.session.draft
        if draft is None:
            return
        form = self.query_one("#form", VerticalScroll)
        await form.remove_children()
        await form.mount_all([row_of(draft, field) for field in BASICS])
        await form.mount_all([Fold(group, f"screens.group.{group}") for group in ADVANCED])
        views = self.query_one("#views", ContentSwitcher)
        views.current = "edit"
        views.display = True
        form.scroll_home(animate=False)
        self._mark()
        if self.wizard.step_shown == self.STEP and draft.source is None:
            form.query(FieldRow).first().input.focus()
        elif self.wizard.step_shown == self.STEP:
            self.set_focus(None)  # plain keys must not end up in the first field

    async def on_collapsible_expanded(self, event: Collapsible.Expanded) -> None:
        """Make a group's fields when it is first opened."""
        from glm47_tui.screens.rows import row_of

        fold, draft = event.collapsible, self.session.draft
        if not isinstance(fold, Fold) or fold.filled or draft is None:
            return
        await fold.fill([row_of(draft, field) for field in ADVANCED[fold.group]])
        self._mark()

    def _mark(self) -> None:
        """Show under each field what is wrong with it."""
        draft = self.session.draft
        if draft is None:
            return
        problems = draft.problems
        for row in self.query(FieldRow):
            row.wrong(problem_of(FIELDS[row.key], problems))
        for fold in self.query(Fold):
            wrong = [f for f in ADVANCED[fold.group] if problem_of(f, problems)]
            fold.wrong(len(wrong))

    def on_field_row_entered(self, event: FieldRow.Entered) -> None:
        """Say what the field is for."""
        self.query_one("#about", Say).say(f"screens.about.{event.row.key}")

    def on_field_row_edited(self, event: FieldRow.Edited) -> None:
        """Take the value over and look at the whole again."""
        from glm47_tui.screens.rows import put

        draft = self.session.draft
        field: Field = FIELDS[event.row.key]
        if draft is not None and put(draft, field, event.value):
            self.session.inbox.touch("draft")
            if field.path == "language":
                self.wizard.speak(event.value)
        self._mark()

    def take_typed(self) -> None:
        """Take over the field that has the focus; it is handed over only when it is left."""
        for row in self.query(FieldRow):
            if row.input is self.focused:
                self.on_field_row_edited(FieldRow.Edited(row, row.value))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say in full what a recipe is for."""
        from glm47_tui.render import recipes

        kind, _, name = (event.option.id or "").partition(":")
        about = next((r.summary for r in recipes() if kind == "new" and r.id == name), None)
        self.query_one("#pick-about", Say).say(about or "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was picked."""
        from glm47_tui.session.drafts import new_draft, open_draft, open_profile

        if self.session.tasks.running("run"):
            self.notify(words("app.busy"), severity="warning", markup=False)
            return
        kind, _, name = (event.option.id or "").partition(":")
        try:
            if kind == "new":
                self.session.use(new_draft(name))
            else:
                self.session.use(open_draft(name) if kind == "draft" else open_profile(name))
        except UserError as error:
            self.query_one("#pick-text", Say).say(str(error))

    def action_pick(self) -> None:
        """Go back to the list of profiles."""
        self.take_typed()
        self.session.keep()
        self._list()
        self.query_one("#views", ContentSwitcher).current = "pick"
        self.query_one("#profiles").focus()

    def action_save(self) -> None:
        """Save the profile if it holds, else the draft, and say which."""
        self.wizard.save_profile()

    def action_unfold(self) -> None:
        """Open all groups, or close them when all are open."""
        folds = list(self.query(Fold))
        close = all(not fold.collapsed for fold in folds)
        for fold in folds:
            fold.collapsed = close

    def action_leave_field(self) -> None:
        """Leave the field, so that plain keys work; in the list, go back to the form."""
        views = self.query_one("#views", ContentSwitcher)
        if views.current == "pick" and self.session.draft is not None:
            views.current = "edit"
            self._drawn = self.session.draft
        self.set_focus(None)

    def relabel(self) -> None:
        """Draw in the current language."""
        super().relabel()
        if self.query_one("#views", ContentSwitcher).current == "pick":
            self._list()
