"""The program itself: its global options and its verbs, none of which is imported here."""

from __future__ import annotations

import click

from glm47_tui import __version__
from glm47_tui.cli.base import Group, is_terminal, no_terminal_words, option

_VERBS = (
    "wizard", "replay", "check", "lint", "render", "status", "logs", "stop", "rollback",
    "verify", "chat", "monitor", "diagnose", "profile", "demo",
)  # fmt: skip


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"glm47-tui {__version__}")
        ctx.exit(0)


@click.group(
    cls=Group,
    lazy={name: f"glm47_tui.cli.commands.{name}:{name}" for name in _VERBS},
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@option("--lang", metavar="LANG", expose_value=False)
@option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
@click.pass_context
def root(ctx: click.Context) -> int:
    """Bring GLM-4.7 up on Ascend hosts (words are in the catalogs)."""
    if ctx.invoked_subcommand is not None:
        return 0
    if not is_terminal():
        click.echo(ctx.get_help())
        click.echo(no_terminal_words(), err=True)
        return 2
    from glm47_tui.cli.commands.wizard import start

    return start(None)
