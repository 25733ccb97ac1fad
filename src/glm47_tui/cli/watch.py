"""``monitor`` without the wizard: one reading for scripts, or the pane in a terminal."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glm47_tui.cli.base import is_terminal
from glm47_tui.cli.connected import asker, cancel_on_signal
from glm47_tui.cli.reading import state_data, text_lines
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg

if TYPE_CHECKING:
    from glm47_tui.monitor import Monitor, MonitorState, Thresholds
    from glm47_tui.profile import Profile

FIRST_READING_S = 45.0
"""How long ``--once`` waits for nodes: a login and a slow npu-smi."""


@dataclass(frozen=True)
class Options:
    """What the command line says; see the catalog ``cli.monitor`` for each."""

    once: bool = False
    as_json: bool = False
    interval: float = 1.0
    record: Path | None = None
    play: Path | None = None
    start_s: float = 0.0
    speed: float = 1.0
    hbm_limit: float = 98.0
    temp_limit: float = 85.0
    ask_ranks: bool = True
    bell: bool = False
    on_event: str | None = None
    secrets_stdin: bool = False


def watch(profile: Profile | None, options: Options) -> int:
    """Run the verb; returns the exit code."""
    if options.play is not None:
        return _play(options)
    if profile is None:
        raise UserError(Msg.of("cli.monitor.needs_profile"), exit_code=Exit.USAGE)
    terminal = is_terminal()
    if not (options.once or options.as_json or options.record or terminal):
        raise UserError(Msg.of("cli.monitor.needs_terminal"), exit_code=Exit.USAGE)
    monitor = _live(profile, options)
    code = _look(monitor, options, terminal=terminal)
    recorder = monitor.recorder
    if recorder is not None and recorder.error is not None:
        told = Msg.of("monitor.recording.failed", file=str(recorder.file), why=recorder.error)
        raise UserError(told, exit_code=Exit(code) if code else Exit.USAGE)
    return code


def _look(monitor: Monitor, options: Options, *, terminal: bool) -> int:
    if options.once:
        return _once(monitor, options.as_json)
    if options.as_json or not terminal:
        return _print_on(monitor, options.interval)
    from glm47_tui.app import run_monitor

    return run_monitor(monitor, bell=options.bell)


def _limits(options: Options) -> Thresholds:
    from glm47_tui.monitor import Thresholds

    return Thresholds(hbm_pct=options.hbm_limit, temp_c=options.temp_limit)


def _live(profile: Profile, options: Options) -> Monitor:
    from glm47_tui.cli.hook import Hook
    from glm47_tui.monitor import Monitor, Recorder, Weight
    from glm47_tui.monitor.board import Board
    from glm47_tui.remote import connect_one

    ask, _ = asker(options.secrets_stdin)
    hook = Hook(options.on_event) if options.on_event else None
    board = Board.of(profile, on_event=hook, thresholds=_limits(options))
    if hook is not None:
        hook.tell = partial(board.event, "hook", Weight.WARNING, None)
    recorder = None
    if options.record is not None:
        head = {
            "profile": profile.name,
            "names": [profile.node_name(i) for i in range(len(profile.nodes))],
            "addresses": [node.ip for node in profile.nodes],
            "local_ranks": profile.launch.data_parallel_local,
        }
        recorder = Recorder(options.record, head)
    return Monitor(
        profile, lambda i: connect_one(profile, i, ask), board=board, interval_s=options.interval,
        ask_ranks=options.ask_ranks, recorder=recorder,
    )  # fmt: skip


def _once(monitor: Monitor, as_json: bool) -> int:
    monitor.start()
    deadline = time.monotonic() + FIRST_READING_S
    try:
        with cancel_on_signal() as cancel:
            while time.monotonic() < deadline and not cancel.wait(0.1):
                state = monitor.snapshot()
                tried = all(n.npu_at is not None or n.link.error for n in state.nodes)
                # The head's figures come with its connection: give them one more turn.
                if tried and (state.engine.at or state.engine.error or state.nodes[0].link.error):
                    break
            if cancel.is_set():
                return int(Exit.INTERRUPTED)
        state = monitor.snapshot()
    finally:
        monitor.stop()
    _print(state, as_json)
    unread = [n for n in state.nodes if n.npu_at is None]
    return int(Exit.UNREACHABLE) if unread else 0


def _print_on(monitor: Monitor, interval: float) -> int:
    monitor.start()
    try:
        with cancel_on_signal() as cancel:
            while not cancel.wait(interval):
                click.echo(json.dumps(state_data(monitor.snapshot()), ensure_ascii=False))
    finally:
        monitor.stop()
    return 0


def _play(options: Options) -> int:
    from glm47_tui.monitor.player import Player

    assert options.play is not None  # noqa: S101 - the caller looked
    player = Player(options.play, thresholds=_limits(options), start_s=options.start_s)
    if options.once or options.as_json or not is_terminal():
        player.run_to_end()
        _print(player.board.snapshot(), options.as_json)
        return 0
    from glm47_tui.app import run_monitor

    player.speed = options.speed
    return run_monitor(player, bell=options.bell)


def _print(state: MonitorState, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(state_data(state), ensure_ascii=False, indent=2))
        return
    for line in text_lines(state):
        click.echo(line)
