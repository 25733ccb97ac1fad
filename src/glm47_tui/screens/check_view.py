"""The Checks step in words: groups and findings as rows, one finding in full."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from glm47_tui.checks import GROUPS, Finding, Severity, is_accepted
from glm47_tui.i18n import Msg, t
from glm47_tui.screens.node_view import at_node, marked
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.glyphs import STYLE, glyph

if TYPE_CHECKING:
    from glm47_tui.session.nodes import NodesRoom

MARK = {
    Severity.OK: "ok",
    Severity.INFO: "info",
    Severity.WARNING: "warn",
    Severity.BLOCKER: "bad",
    Severity.UNKNOWN: "unknown",
}
WORST = (Severity.BLOCKER, Severity.WARNING, Severity.UNKNOWN, Severity.INFO, Severity.OK)
TITLE_CELLS = 26


def group_of(finding: Finding) -> str:
    """Return the group a finding belongs to."""
    return finding.check.partition(".")[0]


def title_of(finding: Finding) -> Msg:
    """Return what its check looks at, in a few words."""
    group, _, name = finding.check.partition(".")
    return Msg(f"checks_{group}.{name}.title")


def row_id(finding: Finding) -> str:
    """Name a finding's row."""
    return f"{finding.check}@{'all' if finding.node is None else finding.node}"


def trouble(finding: Finding, accepted: Collection[str]) -> bool:
    """Whether a finding asks for attention."""
    fine = finding.severity in (Severity.OK, Severity.INFO) or is_accepted(finding, accepted)
    return not fine


def worst_of(findings: Sequence[Finding], accepted: Collection[str]) -> Finding | None:
    """Return the finding to look at first."""
    open_ones = [f for f in findings if trouble(f, accepted)] or list(findings)
    return min(open_ones, key=lambda f: WORST.index(f.severity), default=None)


def rows(
    findings: Sequence[Finding],
    accepted: Collection[str],
    opened: Collection[str],
    *,
    only_trouble: bool,
    looking: Collection[str] = (),
) -> Iterable[tuple[str, Content]]:
    """Yield (row id, text): a heading a group, and the findings of the groups that are open."""
    for group in [*GROUPS, *sorted({group_of(f) for f in findings} - set(GROUPS))]:
        ours = [f for f in findings if group_of(f) == group]
        shown = [f for f in ours if not only_trouble or trouble(f, accepted)]
        if not shown:
            continue
        is_open = group in opened
        yield f"group:{group}", _heading(group, ours, is_open=is_open)
        if is_open:
            for finding in shown:
                again = "*" in looking or finding.check in looking
                yield row_id(finding), _row(finding, accepted, again=again)


def _heading(group: str, findings: Sequence[Finding], *, is_open: bool) -> Content:
    parts: list[Content | str | tuple[str, str]] = [
        ("- " if is_open else "+ ", "$quiet"),
        (pad(t(f"checks.group.{group}"), TITLE_CELLS + 9), "bold"),
    ]
    for severity in WORST:
        count = sum(1 for f in findings if f.severity is severity)
        if count:
            mark = MARK[severity]
            parts += [(f" {glyph(mark)} {count} ", STYLE[mark])]
    return Content.assemble(*parts)


def _row(finding: Finding, accepted: Collection[str], *, again: bool) -> Content:
    mark = "run" if again else MARK[finding.severity]
    node = "all" if finding.node is None else f"node{finding.node}"
    taken = f"{t('screens.checks.accepted')} " if is_accepted(finding, accepted) else ""
    return Content.assemble(
        "  ",
        (f"{glyph(mark)} ", STYLE[mark]),
        (pad(node, 7), "$quiet"),
        pad(t(title_of(finding)), TITLE_CELLS),
        " ",
        (taken, "$text-accent"),
        (t(finding.found).replace("\n", " "), "$quiet"),
    )


def detail(finding: Finding, room: NodesRoom) -> Content:
    """Return a finding in full: found, why, fix, command, source."""
    severity = Msg(f"screens.checks.severity.{finding.severity.value}")
    where = at_node(finding.node)
    lines: list[Content] = [
        Content.assemble((where + t(title_of(finding)), "bold")),
        marked(MARK[finding.severity], severity),
        *_remarks(finding, room),
        Content(""),
        Content(t(finding.found)),
    ]
    for id_, what in (("why", finding.why), ("fix", finding.fix)):
        if what is not None:
            lines += [Content(""), _label(id_), Content(t(what))]
    if finding.command:
        lines += [
            Content(""),
            _label("command"),
            Content.assemble((finding.command, "$text-accent")),
        ]
    lines += [
        Content(""),
        Content.assemble((t("screens.checks.part.name") + " ", "$quiet"), finding.key),
    ]
    if finding.source:
        source = (t("screens.checks.part.source") + " ", "$quiet")
        lines.append(Content.assemble(source, (finding.source, "$quiet")))
    return Content("\n").join(lines)


def _remarks(finding: Finding, room: NodesRoom) -> list[Content]:
    """What the user has done about it."""
    lines = []
    if is_accepted(finding, room.accepted):
        lines.append(marked("info", "screens.checks.is_accepted"))
    if room.fixed_of(finding) is not None:
        lines.append(marked("info", "screens.checks.is_fixed"))
    return lines


def _label(id_: str) -> Content:
    return Content.assemble((t(f"screens.checks.part.{id_}"), "$quiet"))


def summary(findings: Sequence[Finding], accepted: Collection[str]) -> Content:
    """Return the counts of all findings in one line."""
    parts: list[Content | str | tuple[str, str]] = []
    for severity in WORST:
        ours = [f for f in findings if f.severity is severity]
        if not ours:
            continue
        text = t(Msg.of(f"screens.checks.count.{severity.value}", count=len(ours)))
        taken = sum(1 for f in ours if is_accepted(f, accepted))
        if taken:
            text += t(Msg.of("screens.checks.count.accepted", count=taken))
        parts += [(f"{glyph(MARK[severity])} {text}   ", STYLE[MARK[severity]])]
    return Content.assemble(*parts)
