"""``rollback PROFILE``."""

from __future__ import annotations

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile


@command("rollback")
@profile_argument()
@option("--json", "as_json", is_flag=True)
@option("--verbose", "-v", is_flag=True)
@option("--secrets-stdin", is_flag=True)
def rollback(profile: str, as_json: bool, verbose: bool, secrets_stdin: bool) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.commands.jobs import run_job

    return run_job(
        load_profile(profile),
        "rollback",
        as_json=as_json,
        verbose=verbose,
        secrets_stdin=secrets_stdin,
    )
