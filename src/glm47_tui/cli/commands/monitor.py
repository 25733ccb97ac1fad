"""``monitor PROFILE``: the pane that stays open; ``--once`` and ``--json`` for scripts."""

from __future__ import annotations

from pathlib import Path

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile


@command("monitor")
@profile_argument(required=False)
@option("--once", is_flag=True)
@option("--json", "as_json", is_flag=True)
@option("--interval", default=1.0, show_default=True, type=click.FloatRange(0.2, 3600))
@option("--record", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@option("--play", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@option("--bell", is_flag=True)
@option("--on-event", default=None, metavar="COMMAND")
@option("--secrets-stdin", is_flag=True)
def monitor(
    profile: str | None,
    once: bool,
    as_json: bool,
    interval: float,
    record: Path | None,
    play: Path | None,
    bell: bool,
    on_event: str | None,
    secrets_stdin: bool,
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.watch import watch

    loaded = load_profile(profile) if profile is not None else None
    return watch(
        loaded, once=once, as_json=as_json, interval=interval, record=record, play=play,
        bell=bell, on_event=on_event, secrets_stdin=secrets_stdin,
    )  # fmt: skip
