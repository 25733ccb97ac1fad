"""``check PROFILE``: look at every node, judge, and say what to do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.cli.words import labelled, named
from glm47_tui.cli.wrap import terminal_width, wrapped
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
    with connected(loaded, ask, some=True) as fleet:
        findings = run(loaded, gather(fleet, loaded, only=only), only or None)
        unreached = bool(fleet.failures)
    if as_json:
        click.echo(json.dumps([as_data(f) for f in findings], ensure_ascii=False, indent=2))
    else:
        show(findings, show_all=show_all, accepted=loaded.accepted)
    if unreached:
        return int(Exit.UNREACHABLE)
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
    """Print findings, the worst first; those that are fine only when asked for.

    What is the same on several nodes is said once, with all their names.
    """
    from glm47_tui.checks import is_accepted

    width = terminal_width()
    order = ["blocker", "unknown", "warning", "info", "ok"]
    several: dict[tuple[object, ...], list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: order.index(f.severity.value)):
        if show_all or finding.severity.value not in ("ok", "info"):
            several.setdefault(_said(finding, is_accepted(finding, accepted)), []).append(finding)
    for group in several.values():
        for line in _lines(group, is_accepted(group[0], accepted), width):
            click.echo(line)
    counts = Counter(f.severity.value for f in findings)
    click.echo(t("cli.check.count", **{name: counts.get(name, 0) for name in order}))


def _said(finding: Finding, taken: bool) -> tuple[object, ...]:
    """Return what two findings have in common that differ in their node alone."""
    words = (
        t(msg) if msg is not None else None for msg in (finding.found, finding.why, finding.fix)
    )
    return (finding.check, finding.severity, finding.node is None, taken, finding.command, *words)


def _lines(group: Sequence[Finding], taken: bool, width: int | None) -> Iterator[str]:
    """One finding, of one or several nodes, in lines."""
    first = group[0]
    where = ", ".join(f"node{f.node}" for f in group)
    name = named(t("cli.check.all_nodes") if first.node is None else where)
    tail = f" {t('cli.check.accepted')}" if taken else ""
    mark = _MARK[first.severity.value]
    yield from wrapped(f"{mark} {name}{t(first.found)} [{first.check}]{tail}", width, 5)
    if first.severity.value in ("ok", "info"):
        return
    for label, msg in (("why", first.why), ("fix", first.fix)):
        if msg is not None:
            yield from wrapped(" " * 5 + labelled(label, t(msg)), width, 5)
    if first.command:
        yield f"     $ {first.command}"


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
