"""Deploy: stages by nodes, the live log of one, the NPUs of all; on failure why and what now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, Static

from glm47_tui.deploy.events import Status
from glm47_tui.i18n import Msg, t
from glm47_tui.screens.base import StepScreen
from glm47_tui.screens.deploy_view import (
    cell_text,
    npu_lines,
    outcome,
    state_line,
    waits,
)
from glm47_tui.screens.dialogs.choose import Choose
from glm47_tui.screens.node_view import marked
from glm47_tui.widgets.logpane import LogPane
from glm47_tui.widgets.npustrip import NpuStrip

if TYPE_CHECKING:
    from glm47_tui.session.job import JobRoom

STAGE_CELLS = 10
NODE_CELLS = 14
TICK_S = 1.0
"""Seconds between two drawings of clocks and NPUs."""


class DeployScreen(StepScreen):
    """The grid, the log of the node under the cursor, the NPU strip."""

    STEP = "deploy"
    CSS_PATH = ["frame.tcss", "deploy.tcss"]  # noqa: RUF012 - Textual\'s own type
    AUTO_FOCUS = "#grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "deploy", "screens.deploy.key.deploy"),
        Binding("D,shift+d", "dry", "screens.deploy.key.dry", key_display="D"),
        Binding("r", "retry", "screens.deploy.key.retry"),
        Binding("ctrl+c", "interrupt", "screens.deploy.key.interrupt"),
        Binding("l", "log", "screens.deploy.key.log"),
        Binding("z", "zoom", "screens.deploy.key.zoom"),
        Binding("s", "stop", "screens.deploy.key.stop"),
        Binding("b", "rollback", "screens.deploy.key.rollback"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._grid: tuple[object, ...] = ()
        self._log: tuple[int, int, int] = (-1, 0, 0)
        self._drawn: dict[tuple[str, int], Content] = {}
        """What the cells of the grid hold, so that only changes are drawn."""
        self._show_outcome = False
        self._seen_end: object = None

    def body(self) -> ComposeResult:
        """Make state line, grid, log and strip."""
        yield Static(id="state", markup=False)
        with Container(id="panes"):
            table: DataTable[Any] = DataTable(id="grid", cursor_type="cell", fixed_columns=1)
            yield table
            with Vertical(id="right"):
                yield Static(id="waits", markup=False)
                yield LogPane(id="log")
                with VerticalScroll(id="outcome-pane"):
                    yield Static(id="outcome", markup=False)
        yield NpuStrip(id="npus")

    def on_mount(self) -> None:
        """Draw, and keep the clocks going."""
        super().on_mount()
        self.set_interval(TICK_S, self._tick)

    @property
    def room(self) -> JobRoom:
        """The deployment."""
        return self.session.job

    @property
    def node(self) -> int:
        """The node under the cursor."""
        return max(self.query_one("#grid", DataTable).cursor_column - 1, 0)

    def follow(self, topics: frozenset[str]) -> None:
        """Draw the run."""
        if self.session.draft is None or self.session.draft.profile is None:
            self.query_one("#state", Static).update(marked("info", "screens.deploy.no_profile"))
            return
        self._draw_state()
        self._draw_grid()
        self._draw_log()
        ended = self.room.state.ended
        if ended is not self._seen_end:
            self._seen_end = ended
            self._show_outcome = ended is not None
            self._go_to_failure()
        self._draw_outcome()
        self.refresh_bindings()

    def _tick(self) -> None:
        draft = self.session.draft
        if self.app.screen_stack[-1:] != [self] or draft is None or draft.profile is None:
            return
        if self.room.running:
            self._draw_state()
            self._draw_grid()
        watch = self.session.watch
        if self.session.peek()[0] is not None and not self.session.tasks.running("detect"):
            watch.start()
        lines, strip = npu_lines(watch.snapshot(), time.time()), self.query_one("#npus", NpuStrip)
        strip.display = bool(lines)
        strip.show(lines)

    def _draw_state(self) -> None:
        room = self.room
        if room.state.started is None and not room.running and room.error is None:
            line = self._ready_line()
        else:
            line = state_line(room, time.time())
        self.query_one("#state", Static).update(line)
        lines, box = waits(room.state), self.query_one("#waits", Static)
        box.display = bool(lines)
        box.update(Content("\n").join(lines))

    def _ready_line(self) -> Content:
        nodes = self.session.peek()[0]
        if nodes is not None and nodes.blockers:
            return marked("bad", Msg.of("screens.deploy.blocked", count=len(nodes.blockers)))
        count = len(self.session.draft.nodes) if self.session.draft is not None else 0
        return marked("wait", Msg.of("screens.deploy.press", count=count))

    def _draw_grid(self) -> None:
        from glm47_tui.deploy import STAGES

        table, state = self.query_one("#grid", DataTable), self.room.state
        nodes = len(self.session.draft.nodes) if self.session.draft is not None else 0
        stages = state.stages or STAGES
        width = self._node_width(table.size.width, nodes)
        shape = (nodes, stages, t("screens.deploy.stage"), width)
        if shape != self._grid:
            self._grid = shape
            table.clear(columns=True)
            self._drawn = {}
            table.add_column(t("screens.deploy.stage"), key="stage", width=STAGE_CELLS)
            for i in range(nodes):
                table.add_column(f"node{i}", key=str(i), width=width)
            for stage in stages:
                table.add_row(t(f"deploy.stage.{stage}"), *("" for _ in range(nodes)), key=stage)
            table.move_cursor(row=0, column=1, animate=False)
        now = time.time()
        for stage in stages:
            for i in range(nodes):
                text = cell_text(state, stage, i, now)
                if self._drawn.get((stage, i)) != text:
                    self._drawn[stage, i] = text
                    table.update_cell(stage, str(i), text)

    @staticmethod
    def _node_width(table: int, nodes: int) -> int:
        """Cells of a node's column: an even share of the table, never too little to be read."""
        share = (table - STAGE_CELLS - 2) // max(nodes, 1) - 2
        return max(share, NODE_CELLS)

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        if self.session.draft is not None and self.session.draft.profile is not None:
            self.call_after_refresh(self._draw_grid)

    def _draw_log(self) -> None:
        state, pane, node = self.room.state, self.query_one("#log", LogPane), self.node
        log = state.log(node)
        run = id(state)
        if self._log[:2] != (run, node):
            pane.replace(list(log.lines))
        else:
            pane.add(log.since(self._log[2]))
        self._log = (run, node, log.total)

    def _go_to_failure(self) -> None:
        """Put the cursor on the step that failed, so that its log is the one shown."""
        state = self.room.state
        at = [(s, n) for (s, n), cell in state.cells.items() if cell.status is Status.FAILED]
        if state.ended is not None and at and at[0][0] in state.stages:
            table = self.query_one("#grid", DataTable)
            row, column = state.stages.index(at[0][0]), at[0][1] + 1
            table.move_cursor(row=row, column=column, animate=False)

    def _draw_outcome(self) -> None:
        self.query_one("#outcome", Static).update(outcome(self.room))
        shown = self._show_outcome and self.room.state.ended is not None
        self.query_one("#outcome-pane").display = shown
        self.query_one("#log").display = not shown
        self.set_class(shown, "-ended")

    def on_data_table_cell_highlighted(self) -> None:
        """Show the log of the node under the cursor."""
        if self.session.draft is not None and self.session.draft.profile is not None:
            self._draw_log()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show only the keys that make sense now."""
        del parameters
        idle_only = ("deploy", "dry", "retry", "stop", "rollback")
        if action in idle_only or action == "interrupt":
            running = self.is_mounted and self.room_running
            if action == "interrupt":
                return running
            if action == "retry":
                return not running and self.is_mounted and self._can_retry
            return not running
        return True

    @property
    def room_running(self) -> bool:
        """Whether a run is going on (opening no room for the question)."""
        return self.session.tasks.running("run")

    @property
    def _can_retry(self) -> bool:
        job = self.session.peek()[1]
        return job is not None and job.state.ended is not None and job.state.ended.exit_code != 0

    def action_deploy(self) -> None:
        """Deploy, after saying what and where."""
        self._confirm_deploy(dry_run=False)

    def action_dry(self) -> None:
        """Look what a deployment would do; changes nothing."""
        self._begin("deploy", dry_run=True)

    def action_retry(self) -> None:
        """Run what failed once more: a deployment from its stage on, all else as a whole."""
        state = self.room.state
        started = state.started
        if started is None or started.verb == "deploy":
            dry = started is not None and started.dry_run
            self._begin("deploy", dry_run=dry, at=None if dry else state.retry_stage)
        else:
            self._begin(started.verb)

    def _confirm_deploy(self, *, dry_run: bool) -> None:
        draft, nodes = self.session.draft, self.session.peek()[0]
        profile = draft.profile if draft is not None else None
        if profile is None or self.told_busy():
            return
        if nodes is not None and nodes.blockers:
            told = Msg.of("screens.deploy.blocked", count=len(nodes.blockers))
            self.notify(t(told), severity="error", markup=False)
            return
        hosts = [
            t(Msg.of("screens.deploy.host", node=f"node{i}", host=n.host))
            for i, n in enumerate(profile.nodes)
        ]
        where = t("screens.deploy.host_comma").join(hosts)
        lines: list[Msg | str] = [
            Msg.of("screens.deploy.confirm_text", where=where, folder=profile.base_dir)
        ]
        if nodes is None or not nodes.findings:
            lines.append("screens.deploy.unchecked")
        elif nodes.warnings:
            lines.append(Msg.of("screens.deploy.warnings", count=len(nodes.warnings)))
        lines.append("screens.deploy.undoable")

        def answered(answer: str | None) -> None:
            if answer in ("deploy", "dry"):
                self._begin("deploy", dry_run=dry_run or answer == "dry")

        answers = [
            ("deploy", "screens.deploy.key.deploy"),
            ("dry", "screens.deploy.key.dry"),
            ("no", "widgets.key.cancel"),
        ]
        title = Msg.of("screens.deploy.confirm", name=profile.name)
        self.app.push_screen(Choose(title, lines, answers, default="deploy"), answered)

    def _begin(self, verb: str, *, dry_run: bool = False, at: str | None = None) -> None:
        if self.told_busy():
            return
        if not dry_run:
            self.wizard.save_profile()
        self._show_outcome = False
        self.room.start(verb, dry_run=dry_run, at=at)

    def _ask_then(self, verb: str) -> None:
        if self.told_busy():
            return

        def answered(answer: str | None) -> None:
            if answer == "yes":
                self._begin(verb)

        answers = [("yes", f"screens.deploy.verb.{verb}"), ("no", "widgets.key.cancel")]
        ask = Choose(
            f"screens.deploy.ask.{verb}", [f"screens.deploy.ask.{verb}_text"], answers, default="no"
        )
        self.app.push_screen(ask, answered)

    def action_stop(self) -> None:
        """End the engines on all nodes, after asking."""
        self._ask_then("stop")

    def action_rollback(self) -> None:
        """Take everything back, after asking."""
        self._ask_then("rollback")

    def action_interrupt(self) -> None:
        """End the run in good order, after asking."""

        def answered(answer: str | None) -> None:
            if answer == "interrupt":
                self.room.cancel()

        ask = Choose(
            "screens.deploy.ask.interrupt",
            ["screens.deploy.ask.interrupt_text"],
            [("interrupt", "screens.deploy.key.interrupt"), ("no", "screens.deploy.carry_on")],
        ).while_(lambda: self.room_running, "screens.deploy.ask.interrupt_passed")
        self.app.push_screen(ask, answered)

    def action_log(self) -> None:
        """Change between the log and the outcome."""
        self._show_outcome = not self._show_outcome and self.room.state.ended is not None
        self._draw_outcome()

    def action_zoom(self) -> None:
        """Give the log the whole screen, or take it back."""
        self.toggle_class("-zoom")
