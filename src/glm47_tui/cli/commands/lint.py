"""``lint PROFILE``: what the chosen versions make of the launch."""

from __future__ import annotations

import json

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import Exit
from glm47_tui.i18n import t


@command("lint")
@profile_argument()
@option("--json", "as_json", is_flag=True)
def lint(profile: str, as_json: bool) -> int:
    """Words are in the catalogs."""
    from glm47_tui.render import lint as look
    from glm47_tui.render import summary

    notes = look(load_profile(profile))
    if not as_json:
        notes = summary(notes)
    rows = [
        {
            "id": note.id,
            "severity": str(getattr(note.severity, "value", note.severity)),
            "subject": note.subject,
            "file": note.file,
            "line": note.line,
            "what": t(note.what),
            "replacement": t(note.replacement) if note.replacement else None,
            "source": note.source,
        }
        for note in notes
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for row in rows:
            place = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
            click.echo(f"{place}: {row['severity']}: {row['what']} [{row['id']}]")
            if row["replacement"]:
                click.echo(f"    {t('cli.error.fix')} {row['replacement']}")
            if row["source"]:
                click.echo(f"    ({row['source']})")
        click.echo(t("cli.lint.count", count=len(rows)), err=True)
    bad = any(row["severity"] in ("blocker", "error") for row in rows)
    return int(Exit.CHECK_FAILED) if bad else 0
