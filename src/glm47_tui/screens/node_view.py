"""The Nodes step in words: one line a node, and the choices and facts of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets.option_list import Option

from glm47_tui.i18n import Msg, t
from glm47_tui.widgets.columns import pad
from glm47_tui.widgets.glyphs import STYLE, glyph
from glm47_tui.widgets.say import words

if TYPE_CHECKING:
    from glm47_tui.node import NodeFacts
    from glm47_tui.session import Session
    from glm47_tui.session.draft import Draft
    from glm47_tui.session.nodes import NodesRoom

NARROW = (("number", 2), ("host", 16), ("nic", 12), ("ip", 15), ("state", 20))
WIDE = (("number", 2), ("host", 18), ("nic", 15), ("ip", 15), ("npu", 5), ("driver", 8))
PADDING = 2
"""Cells that a table puts around each column."""


def columns(width: int) -> tuple[tuple[str, int], ...]:
    """Return the columns (id, width) that fit a table so wide; the state gets the rest."""
    fixed = WIDE if width >= 96 else NARROW[:-1]
    used = sum(w + PADDING for _, w in fixed) + PADDING
    return (*fixed, ("state", max(width - used, 12)))


_HEAD = re.compile(r" *(?:[^\w\s] |\(.\) )?")
"""What a line begins with: blanks, and a mark or a choice's knob."""
LEAST = 20
"""Cells that must be left for a text to hang under its beginning."""


@dataclass(frozen=True)
class Row:
    """A line of the detail list; ``id`` is None for one that is only read."""

    text: Content
    id: str | None = None

    def option(self, width: int) -> Option:
        """Make the option; what is longer than ``width`` cells goes on under its beginning."""
        return Option(_hanging(self.text, width), id=self.id, disabled=self.id is None)


def _hanging(text: Content, width: int) -> Content:
    head = _HEAD.match(text.plain)
    at = head.end() if head is not None else 0
    if text.cell_length <= width or width - at < LEAST:
        return text
    below = Content("\n" + " " * at)
    return text[:at] + below.join(line.rstrip() for line in text[at:].wrap(width - at))


def login_line(draft: Draft) -> Msg:
    """Say how the nodes are logged in to."""
    from glm47_tui.session.fields import default_of

    def value(path: str) -> str:
        found = draft.get(path)
        return str(default_of(path) if found is None else found)

    jump = draft.get("ssh.jump")
    id_ = "screens.nodes.login_jump" if jump else "screens.nodes.login"
    auth = Msg(f"screens.choice.{value('ssh.auth')}")
    return Msg.of(id_, user=value("ssh.user"), port=value("ssh.port"), auth=auth, jump=str(jump))


def node_row(session: Session, index: int) -> dict[str, Content]:
    """Return the cells of one node, by column."""
    draft = session.draft
    node = draft.nodes[index] if draft is not None else {}
    room = session.peek()[0]
    facts = room.facts.get(index) if room is not None else None
    npu = driver = ""
    if facts is not None:
        npu = str(len(facts.npu.npus)) if facts.npu.npus else "-"
        driver = facts.driver.version or facts.npu.version or "-"
    unset = ("-", "$quiet")

    def cell(value: object) -> Content:
        return Content(str(value)) if value else Content.assemble(unset)

    return {
        "number": Content(str(index)),
        "host": cell(node.get("host")),
        "nic": cell(node.get("nic")),
        "ip": cell(node.get("ip")),
        "npu": cell(npu),
        "driver": cell(driver),
        "state": _state(session, room, index),
    }


def _state(session: Session, room: NodesRoom | None, index: int) -> Content:
    if room is None:
        return marked("wait", "screens.nodes.state.unseen")
    if session.tasks.running("detect") or session.tasks.running("checks"):
        wait = room.waits.get(index) or room.waits.get(None)
        if wait is None and index not in room.facts and index not in room.failures:
            wait = Msg("screens.nodes.state.connecting")
        if wait is not None:
            return marked("run", wait)
    error, facts = room.error_of(index), room.facts.get(index)
    if error is not None:
        return marked("bad", error.what)
    if facts is None:
        return marked("wait", "screens.nodes.state.unseen")
    if facts.complete:
        return marked("ok", "screens.nodes.state.seen")
    return marked("warn", "screens.nodes.state.partly")


def at_node(index: int | None) -> str:
    """Say where something is, to stand before what it is; nothing if it is everywhere."""
    return "" if index is None else t(Msg.of("screens.at_node", node=f"node{index}"))


def marked(mark: str, what: Msg | str) -> Content:
    """Put a mark before words."""
    return Content.assemble((f"{glyph(mark)} ", STYLE[mark]), words(what))


def detail(session: Session, index: int) -> list[Row]:
    """Return what is known of one node: why it failed, or its choices and facts."""
    draft, room = session.draft, session.peek()[0]
    if room is None or draft is None:
        return []
    error = room.error_of(index)
    rows: list[Row] = []
    if error is not None:
        told = [m for m in (error.what, error.why, error.fix) if m is not None]
        rows += [Row(marked("bad" if i == 0 else "none", m)) for i, m in enumerate(told)]
    facts = room.facts.get(index)
    if facts is None:
        return rows
    rows += _nics(draft, room, index)
    rows += _models(draft, room, index)
    rows += _suggested(room, index)
    rows += _facts(facts)
    rows += _reach(room, index)
    return rows


def _title(id_: str) -> Row:
    return Row(Content.assemble((t(f"screens.nodes.part.{id_}"), "bold $text-primary")))


def _nics(draft: Draft, room: NodesRoom, index: int) -> list[Row]:
    rows = [_title("nic")]
    node = draft.nodes[index]
    proposal = room.proposals.get(index)
    for choice in proposal.nics if proposal is not None else ():
        here = node.get("nic") == choice.nic and node.get("ip") == choice.ip
        reasons = t("screens.nodes.joint").join(t(r) for r in choice.reasons)
        text = Content.assemble(
            ("(*) " if here else "( ) ", STYLE["here"] if here else "$quiet"),
            pad(choice.nic, 15),
            " ",
            pad(f"{choice.ip}/{choice.prefix}", 19),
            (f" {reasons}", "$quiet"),
        )
        rows.append(Row(text, f"nic:{choice.nic}|{choice.ip}"))
    return rows


def _models(draft: Draft, room: NodesRoom, index: int) -> list[Row]:
    from glm47_tui.session.fields import default_of

    proposal = room.proposals.get(index)
    shared = draft.get("model.path") or default_of("model.path")
    wanted = draft.nodes[index].get("model_path") or shared
    found = proposal.models if proposal is not None else ()
    facts = room.facts.get(index)
    cut = facts is not None and not {"model", "models"}.isdisjoint(facts.timed_out)
    rows = [_title("model")]
    for model in found:
        here = model.path == wanted
        # What a probe did not come to see is not missing.
        state = "complete" if model.complete else "unseen" if cut else "partial"
        size = model.weight_bytes / 1e9
        text = Content.assemble(
            ("(*) " if here else "( ) ", STYLE["here"] if here else "$quiet"),
            model.path,
            "  ",
            (t(Msg.of(f"screens.nodes.model.{state}", gb=size)), "$quiet"),
        )
        rows.append(Row(text, f"model:{model.path}"))
    if not any(m.path == wanted for m in found) and cut:
        rows.append(Row(marked("unknown", "screens.nodes.model.unseen")))
    elif not any(m.path == wanted for m in found):
        rows.append(Row(marked("info", Msg.of("screens.nodes.model.absent", path=str(wanted)))))
    return rows


def _suggested(room: NodesRoom, index: int) -> list[Row]:
    """Say what Detect filled in for this node and for all, and why."""
    ours = [s for s in room.suggested if not s.path.startswith("nodes[")]
    ours += [s for s in room.suggested if s.path.startswith(f"nodes[{index}]")]
    rows = [_title("suggested")] if ours else []
    for found in ours:
        reasons = t("screens.nodes.joint").join(t(r) for r in found.reasons)
        text = Content.assemble(f"    {found.path} = {found.value}", (f"  {reasons}", "$quiet"))
        rows.append(Row(text))
    return rows


def _facts(facts: NodeFacts) -> list[Row]:
    names = sorted({n.name for n in facts.npu.npus if n.name})
    hbm = max((n.hbm_total_mb or 0 for n in facts.npu.npus), default=0) // 1024
    bad = [str(n.id) for n in facts.npu.npus if n.health not in ("OK", "")]
    lines = [
        Msg.of(
            "screens.nodes.fact.system",
            os=facts.system.os_name or "-",
            arch=facts.system.arch or "-",
            kernel=facts.system.kernel or "-",
        ),
        Msg.of(
            "screens.nodes.fact.npu",
            count=len(facts.npu.npus),
            name=" ".join(names) or "-",
            gb=hbm,
            driver=facts.driver.version or facts.npu.version or "-",
        ),
        Msg.of("screens.nodes.fact.docker", version=facts.docker.server or "-"),
    ]
    for disk in facts.disks:
        if disk.exists and disk.total:
            free = (disk.free or 0) / 1e9
            lines.append(Msg.of("screens.nodes.fact.disk", path=disk.path, free=free))
    rows = [_title("facts"), *(Row(Content(f"    {t(line)}")) for line in lines)]
    if bad:
        rows.append(Row(marked("bad", Msg.of("screens.nodes.fact.unhealthy", npus=" ".join(bad)))))
    if facts.timed_out:
        late = Msg.of("screens.nodes.fact.timed_out", probes=" ".join(facts.timed_out))
        rows.append(Row(marked("unknown", late)))
    return rows


def _reach(room: NodesRoom, index: int) -> list[Row]:
    evidence = room.evidence
    tries = [r for r in evidence.reach if r.source == index] if evidence is not None else []
    if not tries:
        return []
    rows = [_title("reach")]
    for target in sorted({r.target for r in tries}):
        ours = [r for r in tries if r.target == target]
        closed = [r for r in ours if r.way not in ("open", "held")]
        if not closed:
            told = Msg.of("screens.nodes.reach.open", target=f"node{target}", count=len(ours))
            rows.append(Row(marked("ok", told)))
        for r in closed:
            way = Msg(f"screens.nodes.way.{r.way}")
            told = Msg.of(
                "screens.nodes.reach.closed", target=f"node{target}", port=r.port, way=way
            )
            rows.append(Row(marked("bad", told)))
    return rows
