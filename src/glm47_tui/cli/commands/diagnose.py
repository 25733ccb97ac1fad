"""``diagnose FILE...``: the first cause in logs from anywhere."""

from __future__ import annotations

import json

import click

from glm47_tui.cli.base import command, option
from glm47_tui.errors import Exit


@command("diagnose")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@option("--json", "as_json", is_flag=True)
def diagnose(files: tuple[str, ...], as_json: bool) -> int:
    """Words are in the catalogs."""
    from glm47_tui.diagnose import diagnose_files, report_lines, report_to_json

    report = diagnose_files(files)
    if as_json:
        click.echo(json.dumps(report_to_json(report), ensure_ascii=False, indent=2))
    else:
        for line in report_lines(report):
            click.echo(line)
    return int(Exit.CHECK_FAILED) if report.causes else 0
