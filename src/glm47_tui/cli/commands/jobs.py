"""What ``replay``, ``stop`` and ``rollback`` share: one job, its events printed, its exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from glm47_tui.cli.connected import asker, cancel_on_signal, connected, interactive
from glm47_tui.cli.consent import TerminalConsent
from glm47_tui.cli.printer import HumanPrinter, JsonPrinter
from glm47_tui.deploy.events import Emit, Event, Status, StepChanged

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
    """Connect, run one verb of a job, print its events; returns the exit code."""
    from glm47_tui.deploy import Job

    ask, secrets = asker(secrets_stdin)
    printer = JsonPrinter() if as_json else HumanPrinter(verbose=verbose)
    with cancel_on_signal() as cancel, connected(profile, ask) as fleet:

        def job(emit: Emit, *, journal: bool = True) -> Job:
            return Job(
                profile, fleet, emit=emit, consent=_consent(yes, secrets_stdin), secrets=secrets,
                cancel=cancel, ask=ask, journal=journal,
            )  # fmt: skip

        # Checks are for what is going to happen: with nothing to do there is nothing to prevent.
        if check and _would_change(lambda emit: job(emit, journal=False)):
            from glm47_tui.cli.commands.check import must_pass

            must_pass(profile, fleet, quiet=as_json, cancel=cancel)
        try:
            ended = _run(job(printer), verb, dry_run)
        finally:
            printer.close()
    return ended.exit_code


def _would_change(job: Callable[[Emit], Job]) -> bool:
    """Whether a deployment would do anything; also when that cannot be found out."""
    needed: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, StepChanged) and event.status is Status.NEEDED:
            needed.append(event)

    ended = job(note).deploy(dry_run=True)
    return bool(needed) or ended.exit_code != 0


def _run(job: Job, verb: str, dry_run: bool) -> RunEnded:
    if verb == "stop":
        return job.stop()
    if verb == "rollback":
        return job.rollback()
    return job.deploy(dry_run=dry_run)


def _consent(yes: bool, secrets_stdin: bool) -> Consent:
    from glm47_tui.deploy import AssumeYes, NoConsent

    if yes:
        return AssumeYes()
    return TerminalConsent() if interactive() and not secrets_stdin else NoConsent()
