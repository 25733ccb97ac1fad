"""``wizard [PROFILE]``: the app. Also what runs when no verb is given."""

from __future__ import annotations

import click

from glm47_tui.cli import state
from glm47_tui.cli.base import command, is_terminal, no_terminal_words, profile_argument
from glm47_tui.errors import Exit
from glm47_tui.i18n import language


def start(profile: str | None) -> int:
    """Open the app; returns its exit code."""
    if not is_terminal():
        click.echo(no_terminal_words(), err=True)
        return int(Exit.USAGE)
    from glm47_tui.app import run_app

    return run_app(profile, language=language() if state.language_chosen else None)


@command("wizard")
@profile_argument(required=False)
def wizard(profile: str | None) -> int:
    """Words are in the catalogs."""
    return start(profile)
