"""Running the catalogue over the evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from glm47_tui.checks import rules as _rules
from glm47_tui.checks.catalogue import REGISTRY, Answer, Check, Says
from glm47_tui.checks.evidence import Evidence
from glm47_tui.checks.finding import Finding, Severity
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile

CHECKS: tuple[Check, ...] = _rules.ordered(REGISTRY)
"""Every check, grouped, in the order in which people read them."""


def run(
    profile: Profile, evidence: Evidence, only: Collection[str] | None = None
) -> tuple[Finding, ...]:
    """Judge the evidence; ``only`` names checks (``net.nic_exists``) or groups (``net``).

    A rule that fails on facts nobody foresaw says UNKNOWN rather than end the run. Findings come
    in the catalogue's order, by node within a check.
    """
    chosen = [c for c in CHECKS if not only or c.id in only or c.group in only]
    return tuple(finding for c in chosen for finding in _judge(c, profile, evidence))


def _judge(check: Check, profile: Profile, evidence: Evidence) -> Iterator[Finding]:
    if check.fleet:
        for said in _answers(check, FleetView(profile, evidence)):
            yield _finding(check, said, said.node)
        return
    for index in evidence.facts:
        view = NodeView(profile, evidence, index)
        unseen = _unseen(check, view)
        if unseen is not None:
            yield Finding(check.id, Severity.UNKNOWN, index, unseen, source=check.source)
            continue
        for said in _answers(check, view):
            yield _finding(check, said, index)


def _answers(check: Check, view: NodeView | FleetView) -> Sequence[Says]:
    try:
        answer: Answer = check.rule(view)
        if answer is None:
            return ()
        return (answer,) if isinstance(answer, Says) else tuple(answer)
    except Exception as error:
        # One rule's mistake must not hide what the others found, nor end a deployment.
        why = Msg.of("checks.broken", check=check.id, error=type(error).__name__)
        return (Says(Severity.UNKNOWN, "", msg=why),)


def _unseen(check: Check, view: NodeView) -> Msg | None:
    """Return why the probes a check stands on gave nothing; None when they did."""
    facts = view.facts
    for need in check.needs:
        if need in facts.timed_out:
            seconds = facts.millis.get(need, 0) / 1000
            return Msg.of("checks.slow", probe=Msg.of(f"checks.probe.{need}"), seconds=seconds)
        if need not in facts.millis:
            return Msg.of("checks.unseen", probe=Msg.of(f"checks.probe.{need}"))
    return None


def _finding(check: Check, said: Says, node: int | None) -> Finding:
    found = said.msg or check.text(said.variant, **said.args)
    fine = said.severity in (Severity.OK, Severity.INFO)
    quiet = fine or (said.severity is Severity.UNKNOWN and not said.command)
    return Finding(
        check=check.id,
        severity=said.severity,
        node=node,
        found=found,
        why=None if quiet else check.text("why", **said.args),
        fix=None if quiet else said.fix_msg or check.text(said.fix, **said.args),
        command=said.command,
        undo=said.undo,
        fixable=said.fixable,
        source=check.source,
    )


def blockers(findings: Sequence[Finding], accepted: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return what stops a deployment. Accepting never lifts a blocker."""
    del accepted
    return tuple(f for f in findings if f.severity is Severity.BLOCKER)


def is_accepted(finding: Finding, accepted: Collection[str]) -> bool:
    """Whether a warning was accepted by name: by its key (``host.clock@node1``) or its check."""
    return finding.severity is Severity.WARNING and (
        finding.key in accepted or finding.check in accepted
    )


def open_warnings(
    findings: Sequence[Finding], accepted: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Return the warnings nobody has accepted yet."""
    return tuple(
        f for f in findings if f.severity is Severity.WARNING and not is_accepted(f, accepted)
    )
