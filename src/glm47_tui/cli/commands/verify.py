"""``verify PROFILE``: prove that the running service answers as it should."""

from __future__ import annotations

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import Exit
from glm47_tui.i18n import t


@command("verify")
@profile_argument()
@option("--json", "as_json", is_flag=True)
@option("--secrets-stdin", is_flag=True)
def verify(profile: str, as_json: bool, secrets_stdin: bool) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.connected import asker, connected
    from glm47_tui.cli.printer import HumanPrinter, JsonPrinter
    from glm47_tui.service import open_service
    from glm47_tui.service import verify as prove

    loaded = load_profile(profile)
    ask, _ = asker(secrets_stdin)
    printer = JsonPrinter() if as_json else HumanPrinter()
    with connected(loaded, ask, only=(0,)) as fleet:
        service = open_service(fleet.connections[0], loaded)
        try:
            proofs = prove(service, loaded, printer)
        finally:
            service.close()
    failed = [p for p in proofs if not p.ok]
    if not as_json:
        key = "cli.verify.failed" if failed else "cli.verify.ok"
        click.echo(t(key, failed=len(failed), count=len(proofs)))
    return int(Exit.VERIFY_FAILED) if failed else 0
