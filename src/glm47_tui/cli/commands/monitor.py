"""``monitor PROFILE``: the pane that stays open; ``--once`` and ``--json`` for scripts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile


class Finite(click.FloatRange):
    """A number in a range. "nan" is in none, but every comparison with it is false."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; click's own error when it is out of range."""
        number = super().convert(value, param, ctx)
        return super().convert(-math.inf, param, ctx) if math.isnan(number) else number


@command("monitor")
@profile_argument(required=False)
@option("--once", is_flag=True)
@option("--json", "as_json", is_flag=True)
@option("--interval", default=1.0, show_default=True, metavar="SECONDS", type=Finite(0.2, 3600))
@option("--record", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@option("--play", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@option("--from", "start_s", default=0.0, type=Finite(0), metavar="SECONDS")
@option("--speed", default=1.0, type=Finite(0, 1000), metavar="TIMES")
@option("--hbm-limit", default=98.0, show_default=True, metavar="PERCENT", type=Finite(1, 101))
@option("--temp-limit", default=85.0, show_default=True, metavar="CELSIUS", type=Finite(1, 200))
@option("--no-ask", is_flag=True)
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
    start_s: float,
    speed: float,
    hbm_limit: float,
    temp_limit: float,
    no_ask: bool,
    bell: bool,
    on_event: str | None,
    secrets_stdin: bool,
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.watch import Options, watch

    loaded = load_profile(profile) if profile is not None else None
    options = Options(
        once=once, as_json=as_json, interval=interval, record=record, play=play, start_s=start_s,
        speed=speed, hbm_limit=hbm_limit, temp_limit=temp_limit, ask_ranks=not no_ask, bell=bell,
        on_event=on_event, secrets_stdin=secrets_stdin,
    )  # fmt: skip
    return watch(loaded, options)
