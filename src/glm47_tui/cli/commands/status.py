"""``status PROFILE``: what stands and runs on each node now."""

from __future__ import annotations

import json

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import Exit


@command("status")
@profile_argument()
@option("--json", "as_json", is_flag=True)
@option("--secrets-stdin", is_flag=True)
def status(profile: str, as_json: bool, secrets_stdin: bool) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.connected import asker, cancel_on_signal, connected
    from glm47_tui.deploy import Job, NoConsent

    loaded = load_profile(profile)
    ask, _ = asker(secrets_stdin)
    with cancel_on_signal() as cancel, connected(loaded, ask, some=True) as fleet:
        job = Job(
            loaded, fleet, emit=lambda _event: None, consent=NoConsent(), secrets={},
            cancel=cancel, ask=ask,
        )  # fmt: skip
        now = job.status()
        unreached = bool(fleet.failures)
    if as_json:
        click.echo(json.dumps(now.as_data(), ensure_ascii=False, indent=2))
    else:
        for line in now.lines():
            click.echo(line)
    return int(Exit.UNREACHABLE) if unreached else 0
