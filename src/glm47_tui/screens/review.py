"""Review: everything that will run, per node; against the guide, and against the node as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg, t
from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.dialogs.entry import Entry as AskEntry
from glm47_tui.widgets.cycle import Cycle
from glm47_tui.widgets.glyphs import STYLE, glyph
from glm47_tui.widgets.say import Say, words
from glm47_tui.widgets.textpane import Note, TextPane

if TYPE_CHECKING:
    from glm47_tui.render import LintNote
    from glm47_tui.session.review import Entry, ReviewRoom

VIEWS = ("file", "guide", "node")
STATE_MARK = {
    "unknown": " ",
    "same": "=",
    "differs": "~",
    "absent": "+",
    "not_there": " ",
}


class ReviewScreen(StepScreen):
    """A list of files, and the one under the cursor."""

    STEP = "review"
    CSS_PATH = ["frame.tcss", "review.tcss"]  # noqa: RUF012 - Textual\'s own type
    AUTO_FOCUS = "#files"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "node", "screens.review.key.node"),
        Binding("v", "view", "screens.review.key.view"),
        Binding("x", "export", "screens.review.key.export"),
        Binding("c", "compare", "screens.review.key.compare"),
        Binding("ctrl+s", "save", "screens.profile.key.save"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._room: ReviewRoom | None = None
        self._node = 0
        self._view = "file"
        self._listed: object = None

    def body(self) -> ComposeResult:
        """Make the choices, the list and the text."""
        with Horizontal(id="choose"):
            yield Horizontal(id="choose-node")
            yield Cycle(VIEWS, [f"screens.review.view.{v}" for v in VIEWS], id="view")
            yield Say(id="legend")
        with Horizontal(id="panes"):
            yield OptionList(id="files", markup=False)
            yield TextPane(id="text")

    @property
    def entry(self) -> Entry | None:
        """What is under the cursor."""
        options = self.query_one("#files", OptionList)
        if self._room is None or options.highlighted is None:
            return None
        entries = self._room.entries(self._node)
        return entries[options.highlighted] if options.highlighted < len(entries) else None

    def follow(self, topics: frozenset[str]) -> None:
        """Render anew when the draft changed; draw."""
        draft = self.session.draft
        profile = draft.profile if draft is not None else None
        if profile is None:
            self._room = None
            self.query_one("#files", OptionList).clear_options()
            self._listed = None
            reason = "screens.nodes.no_draft" if draft is None else self._open_fields()
            self.query_one("#text", TextPane).show_words(words(reason))
            return
        if self._room is None or self._room.profile != profile:
            from glm47_tui.session.review import ReviewRoom

            self._room = ReviewRoom(self.session, profile)
            self._node = min(self._node, len(profile.nodes) - 1)
            self._room.compare()
        elif "*" in topics:
            self._room.compare()
        self._draw()

    def _open_fields(self) -> Msg:
        problems = self.session.draft.problems if self.session.draft is not None else {}
        where, what = next(iter(problems.items()))
        return Msg.of(
            "screens.review.not_whole", count=len(problems), where=where or "-", what=what
        )

    def _draw(self) -> None:
        room = self._room
        if room is None:
            return
        self._draw_node_choice(len(room.profile.nodes))
        options = self.query_one("#files", OptionList)
        entries = room.entries(self._node)
        listed = (
            self._node,
            [(e.path, room.state(e, self._node), bool(room.notes_for(e, self._node)))
             for e in entries],
        )  # fmt: skip
        if listed != self._listed:
            self._listed = listed
            at = options.highlighted or 0
            options.clear_options()
            options.add_options(Option(self._line_of(e), id=e.path) for e in entries)
            options.highlighted = min(at, len(entries) - 1)
        self._draw_text()

    def _draw_node_choice(self, count: int) -> None:
        holder = self.query_one("#choose-node", Horizontal)
        shown = holder.query(Cycle)
        if shown and len(shown.first().values) == count:
            shown.first().value = self._node
            return
        holder.remove_children()
        holder.mount(Cycle(range(count), [f"node{i}" for i in range(count)], self._node))

    def _line_of(self, entry: Entry) -> Content:
        from glm47_tui.session.review import COMMANDS

        room = self._room
        if room is None:
            return Content("")
        name = words("screens.review.commands") if entry.path == COMMANDS else entry.path
        name = name.removeprefix("scripts/")
        notes = [n for ns in room.notes_for(entry, self._node).values() for n in ns]
        mark = STATE_MARK[room.state(entry, self._node)]
        worst = _lint_mark(notes)
        return Content.assemble(
            (f"{mark} ", "$text-accent"), name, (f" {glyph(worst)}" if notes else "", STYLE[worst])
        )

    def _draw_text(self) -> None:
        room, entry, pane = self._room, self.entry, self.query_one("#text", TextPane)
        if room is None or entry is None:
            return
        view = self._view
        if view == "guide":
            diff = room.guide(entry, self._node)
            if diff is None:
                pane.show_words(words("screens.review.no_guide"))
            elif not diff:
                pane.show_words(words("screens.review.same_as_guide"))
            else:
                pane.show_diff(diff)
        elif view == "node":
            self._draw_node_diff(room, entry, pane)
        else:
            notes = {k: [_note(n) for n in v] for k, v in room.notes_for(entry, self._node).items()}
            pane.show(entry.text, entry.path, notes)
        self.query_one("#legend", Say).say(f"screens.review.legend.{view}")

    def _draw_node_diff(self, room: ReviewRoom, entry: Entry, pane: TextPane) -> None:
        state = room.state(entry, self._node)
        if state != "differs":
            pane.show_words(words(f"screens.review.on_node.{state}"))
            return
        diff = room.node_diff(entry, self._node)
        if diff is None:
            room.read(entry, self._node)
            pane.show_words(words("screens.review.reading"))
        else:
            pane.show_diff(diff)

    def on_option_list_option_highlighted(self) -> None:
        """Show the file under the cursor."""
        self._draw_text()

    def on_option_list_option_selected(self) -> None:
        """Enter goes to the text."""
        self.query_one("#text").focus()

    def on_cycle_changed(self, event: Cycle.Changed) -> None:
        """Show another node, or another view."""
        if event.cycle.id == "view":
            self._view = event.value
        else:
            self._node = event.value
        self._draw()

    def action_node(self) -> None:
        """Go on to the next node."""
        self.query_one("#choose-node Cycle", Cycle).action_turn(1)

    def action_view(self) -> None:
        """Go on to the next view."""
        self.query_one("#view", Cycle).action_turn(1)

    def action_compare(self) -> None:
        """Look again at what the nodes have."""
        if self._room is not None:
            self._room.texts.clear()
            self._room.compare()

    def action_save(self) -> None:
        """Save the profile."""
        self.wizard.save_profile()

    def action_export(self) -> None:
        """Write everything into a folder."""
        room = self._room
        if room is None:
            return

        def answered(folder: str | None) -> None:
            if not folder:
                return
            target = Path(folder).expanduser()
            try:
                count = room.export(target)
            except UserError as error:
                self.notify(str(error), severity="error", markup=False)
                return
            done = Msg.of("screens.review.exported", count=count, path=str(target))
            self.notify(t(done), markup=False)

        ask = AskEntry(
            "screens.review.export_title",
            "screens.review.export_text",
            f"./glm47-{room.profile.name}",
        )
        self.app.push_screen(ask, answered)

    def relabel(self) -> None:
        """Draw in the current language."""
        if self._room is not None:
            self._room.relabel()
        self._listed = None
        super().relabel()


def _lint_mark(notes: list[LintNote]) -> str:
    severities = {str(n.severity.value) for n in notes}
    return "bad" if "error" in severities else "warn" if "warning" in severities else "info"


def _note(note: LintNote) -> Note:
    mark = _lint_mark([note])
    parts: list[Any] = [t(note.what)]
    if note.replacement is not None:
        parts.append(f"-> {t(note.replacement)}")
    if note.source:
        parts.append(f"[{note.source}]")
    return glyph(mark), STYLE[mark], " ".join(parts)
