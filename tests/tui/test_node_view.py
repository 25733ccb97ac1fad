"""What the Nodes screen says of a model folder."""

from __future__ import annotations

from dataclasses import replace

from textual.content import Content

from glm47_tui.i18n import set_language
from glm47_tui.screens.node_view import Row, _models, marked
from glm47_tui.session import Session
from glm47_tui.session.drafts import open_profile
from glm47_tui.session.propose import choices
from tests.unit.checks import atlas


def said(pair: str, timed_out: tuple[str, ...]) -> str:
    set_language("en")
    session = Session()
    draft = open_profile(pair)
    session.use(draft)
    seen = atlas.facts(0)
    assert seen.model is not None
    cut = replace(seen, model=replace(seen.model, sizes={}), timed_out=timed_out)
    session.nodes.facts = {0: cut}
    session.nodes.proposals = choices(draft.data, session.nodes.facts)
    try:
        return "\n".join(str(row.text) for row in _models(draft, session.nodes, 0))
    finally:
        session.close()


def test_what_is_not_there_is_called_incomplete(pair: str) -> None:
    assert "not complete, 0.0 GB there" in said(pair, ())


def test_what_a_probe_did_not_come_to_see_is_not(pair: str) -> None:
    words = said(pair, ("model",))
    assert "not seen in time" in words
    assert "not complete" not in words


def lines(text: Content, width: int) -> list[str]:
    return str(Row(text).option(width).prompt).split("\n")


def test_what_is_too_long_goes_on_below_its_beginning() -> None:
    long = "the key file cannot be used: it holds none"
    assert lines(marked("bad", long), 30) == [
        "✗ the key file cannot be used:",
        "  it holds none",
    ]
    knob = Content("  (*) eth0   10.77.0.10/24   all nodes have one")
    assert lines(knob, 32) == ["  (*) eth0   10.77.0.10/24   all", "      nodes have one"]
    assert lines(knob, 80) == [knob.plain]
