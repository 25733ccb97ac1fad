"""``replay PROFILE``: check, deploy, verify, with no terminal."""

from __future__ import annotations

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile


@command("replay")
@profile_argument()
@option("--yes", "-y", is_flag=True)
@option("--dry-run", "-n", is_flag=True)
@option("--json", "as_json", is_flag=True)
@option("--verbose", "-v", is_flag=True)
@option("--no-check", is_flag=True)
@option("--secrets-stdin", is_flag=True)
def replay(
    profile: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    no_check: bool,
    secrets_stdin: bool,
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.commands.jobs import run_job

    return run_job(
        load_profile(profile), "deploy", yes=yes, dry_run=dry_run, as_json=as_json,
        verbose=verbose, secrets_stdin=secrets_stdin, check=not no_check,
    )  # fmt: skip
