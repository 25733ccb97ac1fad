"""Checks: what the nodes are like, judged; each with found, why, fix, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from glm47_tui.checks import Finding, Severity
from glm47_tui.i18n import Msg, t
from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.check_view import detail, group_of, row_id, rows, summary, trouble, worst_of
from glm47_tui.screens.dialogs.choose import Choose
from glm47_tui.screens.node_view import at_node, marked

if TYPE_CHECKING:
    from glm47_tui.session.nodes import NodesRoom


class ChecksScreen(StepScreen):
    """A list of groups and findings, and the one under the cursor in full."""

    STEP = "checks"
    CSS_PATH = ["frame.tcss", "checks.tcss"]  # noqa: RUF012 - Textual\'s own type
    AUTO_FOCUS = "#findings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R,shift+r", "all", "screens.checks.key.all", key_display="R"),
        Binding("r", "one", "screens.checks.key.one"),
        Binding("a", "accept", "screens.checks.key.accept"),
        Binding("x", "fix", "screens.checks.key.fix"),
        Binding("u", "undo", "screens.checks.key.undo"),
        Binding("f", "filter", "screens.checks.key.filter"),
        Binding("ctrl+s", "save", "screens.profile.key.save", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._opened: set[str] = set()
        self._seen: tuple[Finding, ...] = ()
        self._only_trouble = False
        self._rows: dict[str, Finding] = {}

    def body(self) -> ComposeResult:
        """Make the summary, the list and the detail."""
        yield Static(id="summary", markup=False)
        with Container(id="panes"):
            yield OptionList(id="findings", markup=False)
            with VerticalScroll(id="detail-pane"):
                yield Static(id="detail", markup=False)

    @property
    def room(self) -> NodesRoom:
        """Connections, facts and findings."""
        return self.session.nodes

    @property
    def chosen(self) -> Finding | None:
        """The finding under the cursor."""
        options = self.query_one("#findings", OptionList)
        if options.highlighted is None:
            return None
        return self._rows.get(options.get_option_at_index(options.highlighted).id or "")

    def follow(self, topics: frozenset[str]) -> None:
        """Draw summary, list and detail."""
        if self.session.draft is None:
            self.query_one("#summary", Static).update(marked("info", "screens.nodes.no_draft"))
            return
        if self.room.findings is not self._seen:
            self._seen = self.room.findings
            for finding in self._seen:
                if trouble(finding, self.room.accepted):
                    self._opened.add(group_of(finding))
        self.query_one("#summary", Static).update(self._summary())
        self._draw_list()
        self._draw_detail()

    def _summary(self) -> Content:
        room, tasks = self.room, self.session.tasks
        running = next((x for x in tasks.active if x.name in ("checks", "detect", "fix")), None)
        if running is not None:
            wait = next(iter(room.waits.items()), None)
            if wait is None:
                return marked("run", running.title)
            told = Msg.of("screens.checks.waiting", node=at_node(wait[0]), what=wait[1])
            return marked("run", told)
        for name in ("checks", "fix"):
            task = tasks.get(name)
            if task is not None and task.error is not None:
                return marked("bad", str(task.error))
        if not room.findings:
            return marked("wait", "screens.checks.press")
        line = summary(room.findings, room.accepted)
        if room.stale:
            return Content.assemble(line, marked("warn", "screens.checks.stale"))
        return line

    def _draw_list(self) -> None:
        room, options = self.room, self.query_one("#findings", OptionList)
        keep = None
        if options.highlighted is not None and options.option_count:
            keep = options.get_option_at_index(options.highlighted).id
        self._rows = {row_id(f): f for f in room.findings}
        drawn = list(
            rows(
                room.findings,
                room.accepted,
                self._opened,
                only_trouble=self._only_trouble,
                looking=room.looking,
            )
        )
        scroll = options.scroll_y
        options.clear_options()
        options.add_options(Option(text, id=id_) for id_, text in drawn)
        ids = [id_ for id_, _ in drawn]
        if keep in ids:
            options.highlighted = ids.index(keep)
            options.scroll_to(y=scroll, animate=False)
        elif ids:
            worst = worst_of([self._rows[id_] for id_ in ids if id_ in self._rows], room.accepted)
            options.highlighted = ids.index(row_id(worst)) if worst is not None else 0

    def _draw_detail(self) -> None:
        finding = self.chosen
        text = Content("") if finding is None else detail(finding, self.room)
        self.query_one("#detail", Static).update(text)

    def on_option_list_option_highlighted(self) -> None:
        """Show the finding under the cursor in full."""
        self._draw_detail()
        self.query_one("#detail-pane").scroll_home(animate=False)
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open or close a group; from a finding go to its detail."""
        id_ = event.option.id or ""
        if id_.startswith("group:"):
            self._opened ^= {id_.removeprefix("group:")}
            self._draw_list()
        else:
            self.query_one("#detail-pane").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show only the keys that can do something to the finding under the cursor."""
        del parameters
        if action not in ("accept", "fix", "undo"):
            return True
        finding = self.chosen if self.is_mounted else None
        if finding is None:
            return False
        if action == "accept":
            return finding.severity is Severity.WARNING
        fixed = self.room.fixed_of(finding) is not None
        can_fix = finding.fixable and finding.node is not None
        return fixed if action == "undo" else can_fix and not fixed

    def action_all(self) -> None:
        """Look at everything again."""
        self._check(frozenset())

    def action_one(self) -> None:
        """Look at the check under the cursor again."""
        finding = self.chosen
        if finding is not None:
            self._check(frozenset({finding.check}))

    def _check(self, only: frozenset[str]) -> None:
        draft = self.session.draft
        if draft is None:
            return
        if draft.profile is None:
            where, what = next(iter(draft.problems.items()))
            told = Msg.of("screens.nodes.cannot", where=where or "-", what=what)
            self.notify(str(told), severity="error", markup=False)
            return
        if not self.told_busy():
            self.room.check(only)

    def action_accept(self) -> None:
        """Accept a warning by name, or take that back."""
        finding = self.chosen
        if finding is not None:
            names = self.room.accepted
            self.room.accept(finding, finding.key not in names and finding.check not in names)

    def action_fix(self) -> None:
        """Apply a safe fix after showing its command."""
        finding = self.chosen
        if finding is None or not finding.fixable or not self._can_reach(finding):
            return

        def answered(answer: str | None) -> None:
            if answer == "apply" and self._can_reach(finding):
                self.room.fix(finding)

        ask = Choose(
            Msg.of("screens.checks.fix_title", node=f"node{finding.node}"),
            ["screens.checks.fix_text", Msg.of("screens.checks.fix_undo", command=finding.undo)],
            [("apply", "screens.checks.key.fix"), ("no", "widgets.key.cancel")],
            code=finding.command,
        )
        self.app.push_screen(ask, answered)

    def action_undo(self) -> None:
        """Take a fix back."""
        finding = self.chosen
        fixed = self.room.fixed_of(finding) if finding is not None else None
        if fixed is not None and self._can_reach(fixed):
            self.room.fix(fixed, back=True)

    def _can_reach(self, finding: Finding) -> bool:
        """Whether something can be done on the finding's node now; if not, say why."""
        if self.told_busy():
            return False
        if finding.node is None or self.room.connection(finding.node) is None:
            told = Msg.of("screens.checks.not_connected", node=f"node{finding.node}")
            self.notify(t(told), severity="error", markup=False)
            return False
        return True

    def action_filter(self) -> None:
        """Show only what asks for attention, or everything."""
        self._only_trouble = not self._only_trouble
        self._draw_list()

    def action_save(self) -> None:
        """Save the profile."""
        self.wizard.save_profile()
