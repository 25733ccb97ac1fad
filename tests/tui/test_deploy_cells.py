"""A cell of the Deploy grid says what is known of a node, not what was true before."""

from __future__ import annotations

from glm47_tui.deploy.events import EnginePhase, Phase, RunStarted, Status, StepChanged
from glm47_tui.i18n import Msg, set_language
from glm47_tui.screens.deploy_view import cell_text
from glm47_tui.session.run_state import RunState


def test_a_node_that_cannot_be_reached_is_not_shown_as_loading() -> None:
    set_language("en")
    state = RunState()
    state.take(RunStarted("deploy", "p", ("node0", "node1"), ("ready",), dry_run=False))
    for node in (0, 1):
        state.take(StepChanged("ready", node, Status.APPLYING))
        state.take(EnginePhase(node, Phase.WEIGHTS, 0.4))
    away = Msg.of("deploy.note.away", seconds=5, phase=Msg("deploy.phase.weights"))
    state.take(StepChanged("ready", 1, Status.APPLYING, away))
    assert "40%" in cell_text(state, "ready", 0, state.now).plain
    assert "no connection" in cell_text(state, "ready", 1, state.now).plain
    assert "40%" not in cell_text(state, "ready", 1, state.now).plain
    state.take(StepChanged("ready", 1, Status.APPLYING, Msg("deploy.note.back")))
    assert "40%" in cell_text(state, "ready", 1, state.now).plain
