"""``check PROFILE``: look at every node, judge, and say what to do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import CheckFailed, Exit
from glm47_tui.i18n import Msg, t

if TYPE_CHECKING:
    from glm47_tui.checks import Finding
    from glm47_tui.profile import Profile
    from glm47_tui.remote.api import Fleet

_MARK = {"ok": "ok", "info": "--", "warning": "! ", "blocker": "!!", "unknown": "? "}


@command("check")
@profile_argument()
@option("--json", "as_json", is_flag=True)
@option("--all", "-a", "show_all", is_flag=True)
@option("--only", multiple=True, metavar="ID")
@option("--secrets-stdin", is_flag=True)
def check(
    profile: str, as_json: bool, show_all: bool, only: tuple[str, ...], secrets_stdin: bool
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.checks import blockers, gather, run
    from glm47_tui.cli.connected import asker, connected

    loaded = load_profile(profile)
    ask, _ = asker(secrets_stdin)
    with connected(loaded, ask) as fleet:
        findings = run(loaded, gather(fleet, loaded, only=only), only or None)
    if as_json:
        click.echo(json.dumps([as_data(f) for f in findings], ensure_ascii=False, indent=2))
    else:
        show(findings, show_all=show_all, accepted=loaded.accepted)
    return int(Exit.CHECK_FAILED) if blockers(findings, loaded.accepted) else 0


def as_data(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON data."""
    words = {"found": finding.found, "why": finding.why, "fix": finding.fix}
    return {
        "check": finding.check,
        "key": finding.key,
        "severity": finding.severity.value,
        "node": finding.node,
        **{key: t(msg) if msg is not None else None for key, msg in words.items()},
        "command": finding.command or None,
        "fixable": finding.fixable,
        "source": finding.source,
    }


def show(findings: Sequence[Finding], *, show_all: bool, accepted: Sequence[str]) -> None:
    """Print findings, the worst first; those that are fine only when asked for."""
    order = ["blocker", "unknown", "warning", "info", "ok"]
    shown = sorted(findings, key=lambda f: order.index(f.severity.value))
    for finding in shown:
        if finding.severity.value in ("ok", "info") and not show_all:
            continue
        where = t("cli.check.all_nodes") if finding.node is None else f"node{finding.node}"
        taken = f" {t('cli.check.accepted')}" if finding.key in accepted else ""
        mark = _MARK[finding.severity.value]
        click.echo(f"{mark} {where}: {t(finding.found)} [{finding.check}]{taken}")
        if finding.severity.value in ("ok", "info"):
            continue
        for label, msg in (("why", finding.why), ("fix", finding.fix)):
            if msg is not None:
                click.echo(f"     {t(f'cli.error.{label}')} {t(msg)}")
        if finding.command:
            click.echo(f"     $ {finding.command}")
    counts = Counter(f.severity.value for f in findings)
    click.echo(t("cli.check.count", **{name: counts.get(name, 0) for name in order}))


def must_pass(profile: Profile, fleet: Fleet, *, quiet: bool, cancel: threading.Event) -> None:
    """Run the checks before a deployment; CheckFailed when a blocker stands in its way.

    Once ``cancel`` is set it returns without a verdict: the deployment then ends by itself.
    """
    from glm47_tui.checks import blockers, gather, run

    evidence = gather(fleet, profile, cancel=cancel)
    if cancel.is_set():
        return
    findings = run(profile, evidence, None)
    stopping = blockers(findings, profile.accepted)
    if not quiet:
        show(findings, show_all=False, accepted=profile.accepted)
    if stopping:
        if quiet:
            for finding in stopping:
                click.echo(json.dumps({"event": "Finding", **as_data(finding)}, ensure_ascii=False))
        raise CheckFailed(
            Msg.of("cli.check.blocked", count=len(stopping)), fix=Msg.of("cli.check.blocked_fix")
        )
