"""The Deploy step in words: a cell of the grid, what is waited for, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from glm47_tui.deploy.events import Diagnosed, EnginePhase, Progress, RunEnded, Status, Verified
from glm47_tui.i18n import Msg, t
from glm47_tui.screens.node_view import at_node, marked
from glm47_tui.widgets.columns import duration
from glm47_tui.widgets.glyphs import STYLE, glyph
from glm47_tui.widgets.npustrip import NpuLine

if TYPE_CHECKING:
    from glm47_tui.monitor import MonitorState, NodeView
    from glm47_tui.session.job import JobRoom
    from glm47_tui.session.run_state import Cell, RunState

MARK = {
    Status.WAITING: "none",
    Status.LOOKING: "run",
    Status.PRESENT: "ok",
    Status.APPLYING: "run",
    Status.APPLIED: "ok",
    Status.NEEDED: "info",
    Status.SKIPPED: "wait",
    Status.FAILED: "bad",
    Status.UNDONE: "ok",
}
BAR = 10
"""Cells of a progress bar."""


def bar(fraction: float) -> str:
    """Draw a fraction as ``[####......]  43%``."""
    whole = round(max(0.0, min(1.0, fraction)) * BAR)
    return f"[{'#' * whole}{'.' * (BAR - whole)}] {fraction * 100:3.0f}%"


def cell_text(state: RunState, stage: str, node: int, now: float) -> Content:
    """Return a cell of the grid: mark, status or phase, seconds."""
    cell = state.cell(stage, node)
    if cell.status is Status.WAITING:
        return Content.assemble(("-", "$quiet"))
    mark = MARK[cell.status]
    words = t(f"deploy.status.{cell.status.value}")
    phase = state.phases.get(node)
    if stage == "ready" and phase is not None and cell.status in (Status.LOOKING, Status.APPLYING):
        words = phase_text(phase)
        if cell.note is not None and cell.note.id == "deploy.note.away":  # its phase is old news
            mark, words = "warn", t("screens.deploy.away")
    spent = _spent(cell, now)
    return Content.assemble(
        (f"{glyph(mark)} ", STYLE[mark]), words, (f"  {spent}" if spent else "", "$quiet")
    )


def _spent(cell: Cell, now: float) -> str:
    if cell.began is None:
        return ""
    seconds = (cell.ended or now) - cell.began
    return duration(seconds) if seconds >= 1 else ""


def phase_text(phase: EnginePhase) -> str:
    """Return an engine's phase, with how far it is."""
    words = t(f"deploy.phase.{phase.phase.value}")
    return words if phase.fraction is None else f"{phase.fraction * 100:.0f}% {words}"


def state_line(room: JobRoom, now: float) -> Content:
    """Say in one line where the run stands."""
    state = room.state
    if room.error is not None:
        return marked("bad", str(room.error))
    if state.started is None:
        return marked("run", "screens.deploy.connecting") if room.running else Content("")
    if state.ended is not None:
        return _ended_line(state, state.ended)
    stages = state.stages
    at = stages.index(state.stage) + 1 if state.stage in stages else 0
    stage = Msg(f"deploy.stage.{state.stage}") if state.stage else Msg("screens.deploy.connecting")
    return marked(
        "run",
        Msg.of(
            "screens.deploy.stage_line",
            verb=_verb(state),
            at=at,
            of=len(stages),
            stage=stage,
            time=duration(now - state.started.time),
        ),
    )


def _verb(state: RunState) -> Msg:
    started = state.started
    if started is not None and started.dry_run:
        return Msg("screens.deploy.dry")
    return Msg(f"screens.deploy.verb.{started.verb if started is not None else 'deploy'}")


def _ended_line(state: RunState, ended: RunEnded) -> Content:
    took = duration(ended.seconds)
    if ended.exit_code == 0:
        id_ = "screens.deploy.done" if ended.changed else "screens.deploy.nothing"
        needed = sum(1 for c in state.cells.values() if c.status is Status.NEEDED)
        if state.started is not None and state.started.dry_run:
            id_ = "screens.deploy.dry_done" if needed else "screens.deploy.dry_nothing"
        changed = needed or ended.changed
        return marked("ok", Msg.of(id_, verb=_verb(state), time=took, changed=changed))
    if ended.exit_code == 130:
        return marked("warn", Msg.of("screens.deploy.interrupted", time=took))
    return marked("bad", Msg.of("screens.deploy.failed", verb=_verb(state), time=took))


def waits(state: RunState) -> list[Content]:
    """Return a line for each thing that is waited for."""
    return [_wait(p) for p in state.progress.values()]


def _wait(progress: Progress) -> Content:
    node = at_node(progress.node)
    drawn = f"{bar(progress.fraction)} " if progress.fraction is not None else ""
    if progress.limit_s is not None:
        time = f"{duration(progress.elapsed_s)} / {duration(progress.limit_s)}"
    else:
        time = duration(progress.elapsed_s)
    return Content.assemble(node, drawn, (f"{time}  ", "$quiet"), t(progress.note))


def outcome(room: JobRoom) -> Content:
    """Say how the run ended: causes found with fix, what to do now, or the proofs."""
    state, ended = room.state, room.state.ended
    if ended is None:
        return Content("")
    lines: list[Content] = []
    if ended.exit_code != 0:
        node = at_node(ended.node)
        told = [m for m in (ended.what, ended.why, ended.fix) if m is not None]
        lines += [marked("bad" if i == 0 else "none", f"{node if i == 0 else ''}{t(m)}")
                  for i, m in enumerate(told)]  # fmt: skip
        lines.append(Content(t(_now_what(state))))
        for found in state.diagnosed:
            lines += [Content(""), *_diagnosis(found)]
    elif state.serving and room.profile is not None:
        head = room.profile.head
        url = f"http://{head.ip}:{room.profile.launch.port}/v1"
        served = Msg.of("screens.deploy.serving", model=room.profile.model.served_name, url=url)
        lines += [Content(t(served)), Content(t("screens.deploy.go_on")), Content("")]
    for proof in state.verified:
        mark = "ok" if proof.ok else "bad"
        lines.append(marked(mark, proof_words(proof)))
    return Content("\n").join(lines)


def _now_what(state: RunState) -> Msg:
    """Say what can be done after a run that failed."""
    started = state.started
    if started is not None and (started.dry_run or started.verb != "deploy"):
        return Msg.of("screens.deploy.now_again", verb=_verb(state))
    at = state.retry_stage or "connect"
    return Msg.of("screens.deploy.now_what", stage=Msg(f"deploy.stage.{at}"))


def farewell(state: RunState) -> str:
    """Say, for the terminal that is left behind, what an interrupted run leaves half-done."""
    started, ended = state.started, state.ended
    if started is None or (ended is not None and ended.exit_code == 0):
        return ""
    if ended is None:
        return t(Msg.of("screens.deploy.left_running", verb=_verb(state)))
    lines = [
        f"node{node} {t(f'deploy.stage.{stage}')}  {t(cell.note)}"
        for (stage, node), cell in state.cells.items()
        if cell.note is not None and cell.status in (Status.FAILED, Status.SKIPPED)
    ]
    told = [t(m) for m in (ended.what, ended.why, ended.fix) if m is not None]
    return "\n".join([*lines, *told])


def proof_words(proof: Verified) -> Msg:
    """Say what a proof looked at, and what it saw."""
    name = Msg(f"service.proof.{proof.proof}")
    return Msg.of("screens.deploy.proof", name=name, note=proof.note)


def _diagnosis(found: Diagnosed) -> list[Content]:
    place = f"node{found.node}"
    if found.file:
        place += f"  {found.file}:{found.line}"
    lines = [
        Content.assemble((t("screens.deploy.diagnosis") + " ", "$quiet"), (t(found.title), "bold")),
        Content.assemble((place, "$quiet")),
    ]
    if found.quote:
        lines.append(Content.assemble(("> " + found.quote.strip(), "$text-error")))
    lines += [Content(t(found.cause)), Content(t(found.fix))]
    if found.command:
        lines.append(Content.assemble(("$ " + found.command, "$text-accent")))
    return lines


def npu_lines(snapshot: MonitorState | None, now: float) -> list[NpuLine]:
    """Turn the monitor's readings into lines of the strip."""
    return [] if snapshot is None else [_npu_line(node, now) for node in snapshot.nodes]


def _npu_line(node: NodeView, now: float) -> NpuLine:
    table = node.npu
    if table is None or not table.npus:
        note = Msg(f"widgets.npu.link.{node.link.state.value}")
        if table is not None and table.error:
            note = Msg.of("widgets.verbatim", text=table.error)
        return NpuLine(node.name, note=note)
    npus = table.npus
    return NpuLine(
        node.name,
        [n.aicore_pct for n in npus],
        [100 * n.hbm_used_mb / n.hbm_total_mb if n.hbm_used_mb is not None and n.hbm_total_mb
         else None for n in npus],
        [n.temp_c for n in npus],
        [n.power_w for n in npus],
        [n.health for n in npus],
        node.age(now),
        node.stale(now),
    )  # fmt: skip
