"""What ``replay``, ``stop`` and ``rollback`` share: one job, its events printed, its exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from glm47_tui.cli.connected import (
    asker,
    cancel_on_signal,
    connected,
    interactive,
    say_failures,
)
from glm47_tui.cli.consent import TerminalConsent
from glm47_tui.cli.printer import HumanPrinter, JsonPrinter
from glm47_tui.i18n import t

if TYPE_CHECKING:
    from glm47_tui.deploy import Consent, Job
    from glm47_tui.deploy.events import RunEnded
    from glm47_tui.profile import Profile


def run_job(
    profile: Profile,
    verb: str,
    *,
    yes: bool = False,
    as_json: bool = False,
    verbose: bool = False,
    dry_run: bool = False,
    secrets_stdin: bool = False,
    check: bool = False,
) -> int:
    """Connect, run one verb of a job, print its events; returns the exit code.

    To stop and to roll back, the nodes that can be reached are enough: the job says of the others
    what may still run there, and the exit code is 3. With JSON the job has the last word in any
    case, so that the stream ends with its RunEnded.
    """
    from glm47_tui.deploy import Job

    ask, secrets = asker(secrets_stdin)
    printer = JsonPrinter() if as_json else HumanPrinter(verbose=verbose)
    with (
        cancel_on_signal() as cancel,
        connected(profile, ask, some=verb != "deploy", none=as_json) as fleet,
    ):
        say_failures(fleet.failures.values())

        def checks() -> None:
            from glm47_tui.cli.commands.check import must_pass

            must_pass(profile, fleet, quiet=as_json, cancel=cancel)

        job = Job(
            profile, fleet, emit=printer, consent=_consent(yes, secrets_stdin), secrets=secrets,
            cancel=cancel, ask=ask,
        )  # fmt: skip
        try:
            ended = _run(job, verb, dry_run, checks if check else None)
        finally:
            printer.close()
    if job.journal_broken is not None:
        click.echo(t("cli.error.no_journal", why=job.journal_broken), err=True)
    return ended.exit_code


def _run(job: Job, verb: str, dry_run: bool, checks: Callable[[], None] | None) -> RunEnded:
    if verb == "stop":
        return job.stop()
    if verb == "rollback":
        return job.rollback()
    # Checks are for what is going to happen: with nothing to do there is nothing to prevent.
    return job.deploy(dry_run=dry_run, before_change=checks)


def _consent(yes: bool, secrets_stdin: bool) -> Consent:
    from glm47_tui.deploy import AssumeYes, NoConsent

    if yes:
        return AssumeYes()
    return TerminalConsent() if interactive() and not secrets_stdin else NoConsent()
