"""``render PROFILE OUT/``: write everything that would land on a node."""

from __future__ import annotations

from pathlib import Path

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg, t


@command("render")
@profile_argument()
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@option("--force", "-f", is_flag=True)
def render(profile: str, out: Path, force: bool) -> None:
    """Words are in the catalogs."""
    from glm47_tui.render import render as make
    from glm47_tui.render import write

    loaded = load_profile(profile)
    if out.exists() and not out.is_dir():
        raise UserError(Msg.of("cli.render.no_folder", path=str(out)), exit_code=Exit.USAGE)
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UserError(
            Msg.of("cli.render.not_empty", path=str(out)),
            fix=Msg.of("cli.render.not_empty_fix"),
            exit_code=Exit.USAGE,
        )
    for path in write(make(loaded), out):
        click.echo(str(path))
    click.echo(t("cli.render.done", path=str(out)), err=True)
