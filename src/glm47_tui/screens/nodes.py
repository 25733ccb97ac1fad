"""Nodes: who takes part, how to log in; Detect looks and proposes; both ways are proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, OptionList

from glm47_tui.i18n import Msg
from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.dialogs.choose import Choose
from glm47_tui.screens.node_view import Row, columns, detail, login_line, node_row
from glm47_tui.widgets.say import Say, words

if TYPE_CHECKING:
    from glm47_tui.screens.dialogs.form import Form
    from glm47_tui.session.draft import Draft
    from glm47_tui.session.fields import Field


class NodesScreen(StepScreen):
    """The hosts, and what is known of the one under the cursor."""

    STEP = "nodes"
    CSS_PATH = ["frame.tcss", "nodes.tcss"]  # noqa: RUF012 - Textual\'s own type
    AUTO_FOCUS = "#nodes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "detect", "screens.nodes.key.detect"),
        Binding("a", "add", "screens.nodes.key.add"),
        Binding("e", "edit", "screens.nodes.key.edit"),
        Binding("x,delete", "remove", "screens.nodes.key.remove"),
        Binding("h", "head", "screens.nodes.key.head"),
        Binding("l", "login", "screens.nodes.key.login"),
        Binding("ctrl+s", "save", "screens.profile.key.save", show=False),
    ]

    def body(self) -> ComposeResult:
        """Make the login line, the table and the choices of one node."""
        yield Say(id="login")
        table: DataTable[Any] = DataTable(id="nodes", cursor_type="row", zebra_stripes=False)
        yield table
        yield Say(id="nodes-state")
        yield OptionList(id="choices", markup=False)

    @property
    def draft(self) -> Draft | None:
        """The draft."""
        return self.session.draft

    @property
    def chosen(self) -> int:
        """Number of the node under the cursor."""
        return max(self.query_one("#nodes", DataTable).cursor_row, 0)

    def follow(self, topics: frozenset[str]) -> None:
        """Draw the table and the choices."""
        if self.draft is None:
            self.query_one("#nodes-state", Say).say("screens.nodes.no_draft")
            return
        self.query_one("#login", Say).say(login_line(self.draft))
        self._draw_table()
        self._draw_choices()
        self.query_one("#nodes-state", Say).say(self._state())

    def _draw_table(self) -> None:
        table = self.query_one("#nodes", DataTable)
        row = table.cursor_row
        table.clear(columns=True)
        shown = columns(table.size.width or self.size.width - 2)
        for key, width in shown:
            table.add_column(words(f"screens.nodes.column.{key}"), key=key, width=width)
        if self.draft is not None:
            for index in range(len(self.draft.nodes)):
                cells = node_row(self.session, index)
                table.add_row(*(cells[key] for key, _ in shown), key=str(index))
        table.move_cursor(row=min(row, max(table.row_count - 1, 0)), animate=False)

    def _draw_choices(self) -> None:
        options = self.query_one("#choices", OptionList)
        at = options.highlighted
        options.clear_options()
        if self.draft is None or not self.draft.nodes:
            return
        rows: list[Row] = detail(self.session, min(self.chosen, len(self.draft.nodes) - 1))
        width = (options.scrollable_content_region.width or self.size.width) - 2
        options.add_options(row.option(width) for row in rows)
        if at is not None and at < len(rows):
            options.highlighted = at

    def _state(self) -> Msg | str:
        """Say in one line where this step stands."""
        if self.draft is None or not self.draft.nodes:
            return "screens.nodes.none"
        task = self.session.tasks.get("detect")
        if task is not None and task.running:
            return ""
        if task is not None and task.error is not None:
            return str(task.error)
        room = self.session.peek()[0]
        if room is None or (not room.facts and not room.failures):
            return "screens.nodes.press_detect"
        if room.failures:
            return Msg.of("screens.nodes.failed", count=len(room.failures))
        return "screens.nodes.proven" if room.proven else "screens.nodes.unproven"

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self.call_after_refresh(self._draw_table)
        self.call_after_refresh(self._draw_choices)

    def on_data_table_row_highlighted(self) -> None:
        """Show the choices of the node under the cursor."""
        self._draw_choices()

    def on_data_table_row_selected(self) -> None:
        """Enter goes to the choices."""
        options = self.query_one("#choices", OptionList)
        options.focus()
        if options.highlighted is None:
            options.action_first()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take over a NIC or a model folder."""
        kind, _, value = (event.option.id or "").partition(":")
        draft, at = self.draft, f"nodes[{self.chosen}]"
        if draft is None:
            return
        if kind == "nic":
            nic, _, ip = value.partition("|")
            draft.set(f"{at}.nic", nic)
            draft.set(f"{at}.ip", ip)
        elif kind == "model":
            from glm47_tui.session.fields import default_of

            shared = draft.get("model.path") or default_of("model.path")
            draft.set(f"{at}.model_path", None if value == shared else value)
        self.session.inbox.touch("draft")
        self.follow(frozenset({"draft"}))

    def action_detect(self) -> None:
        """Log in to all nodes and look."""
        draft = self.draft
        if draft is None:
            return
        if draft.for_connecting() is None:
            wrong = next(iter(draft.problems.items()), None)
            if wrong is not None:
                told = Msg.of("screens.nodes.cannot", where=wrong[0] or "-", what=wrong[1])
                self.notify(words(told), severity="error", markup=False)
            return
        self.session.keep()
        if not self.told_busy():
            self.session.nodes.detect()

    def action_head(self) -> None:
        """Make the node under the cursor node 0."""
        draft, index = self.draft, self.chosen
        if draft is not None and 0 < index < len(draft.nodes):
            draft.nodes.insert(0, draft.nodes.pop(index))
            draft.touch()
            self.session.nodes.forget()
            self.query_one("#nodes", DataTable).move_cursor(row=0, animate=False)
            self.session.inbox.touch("draft")

    def action_add(self) -> None:
        """Add a host."""
        draft = self.draft
        if draft is not None:
            changed = draft.changed
            draft.add_node("")
            self._edit(len(draft.nodes) - 1, new=True, changed=changed)

    def action_edit(self) -> None:
        """Edit the host under the cursor."""
        if self.draft is not None and self.draft.nodes:
            self._edit(self.chosen, new=False, changed=self.draft.changed)

    def action_remove(self) -> None:
        """Remove the host under the cursor, after asking."""
        draft, index = self.draft, self.chosen
        if draft is None or index >= len(draft.nodes):
            return
        host = str(draft.nodes[index].get("host", ""))

        def answered(answer: str | None) -> None:
            if answer == "remove":
                draft.remove_node(index)
                self.session.nodes.forget()
                self.session.inbox.touch("draft")

        ask = Choose(
            Msg.of("screens.nodes.remove", node=f"node{index}", host=host),
            ["screens.nodes.remove_text"],
            [("remove", "screens.nodes.key.remove"), ("keep", "widgets.key.cancel")],
        )
        self.app.push_screen(ask, answered)

    def action_login(self) -> None:
        """Edit how to log in to all nodes."""
        from glm47_tui.session.fields import LOGIN

        draft = self.draft
        if draft is None:
            return
        form = self._form("screens.nodes.login_title", LOGIN, {})
        before = {f.path: draft.get(f.path) for f in LOGIN}
        changed = draft.changed

        def answered(ok: bool | None) -> None:
            if not ok:
                for path, value in before.items():
                    draft.set(path, value)
                draft.changed = changed
            self.session.inbox.touch("draft")

        self.app.push_screen(form, answered)

    def action_save(self) -> None:
        """Save the profile."""
        self.wizard.save_profile()

    def _edit(self, index: int, *, new: bool, changed: bool) -> None:
        """Edit a host; ``changed``: whether the draft was, before."""
        from glm47_tui.session.fields import node_fields

        draft = self.draft
        if draft is None:
            return
        before = dict(draft.nodes[index])
        fields = node_fields(index)
        labels = {
            f.key: f.path.replace(f"nodes[{index}]", "node").replace(".", "_") for f in fields
        }
        form = self._form(Msg.of("screens.nodes.edit_title", node=f"node{index}"), fields, labels)

        def answered(ok: bool | None) -> None:
            if not ok and new:
                draft.remove_node(index)
            elif not ok:
                draft.nodes[index] = before
                draft.touch()
            if not ok:
                draft.changed = changed
            elif draft.nodes[index].get("host") != before.get("host"):
                self.session.nodes.forget()
            self.session.inbox.touch("draft")

        self.app.push_screen(form, answered)

    def _form(self, title: Msg | str, fields: tuple[Field, ...], labels: dict[str, str]) -> Form:
        from glm47_tui.screens.dialogs.form import Form
        from glm47_tui.screens.rows import put, row_of
        from glm47_tui.session.fields import problem_of

        draft = self.draft
        if draft is None:  # the callers looked
            raise RuntimeError("no draft")
        by_key = {f.key: f for f in fields}

        def edited(key: str, value: Any) -> Msg | None:
            field = by_key[key]
            put(draft, field, value)
            wrong = problem_of(field, draft.problems)
            optional = field.path.endswith((".nic", ".ip")) and not value
            return None if optional else wrong

        rows = [row_of(draft, f, label=labels.get(f.key)) for f in fields]
        return Form(title, rows, edited, "screens.nodes.form_text" if labels else "")

    async def may_leave(self, forward: bool) -> bool:
        """Ask before going on with nodes that were not seen to reach each other."""
        draft = self.draft
        if not forward or draft is None or not draft.nodes:
            return True
        room = self.session.peek()[0]
        if room is not None and room.proven:
            return True
        if self.session.tasks.running("detect"):
            return True
        answer = await self.app.push_screen_wait(
            Choose(
                "screens.nodes.unproven_title",
                ["screens.nodes.unproven"],
                [
                    ("detect", "screens.nodes.key.detect"),
                    ("on", "screens.nodes.go_on"),
                    ("stay", "screens.quit.stay"),
                ],
                default="detect",
            )
        )
        if answer == "detect":
            self.action_detect()
        return answer == "on"
