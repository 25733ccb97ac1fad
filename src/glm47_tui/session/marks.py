"""How each step of the wizard stands, as a function of the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from glm47_tui.session.steps import Mark

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


def mark(session: Session, step: str) -> Mark:
    """Return the mark of one step; opens no room and imports nothing heavy."""
    if session.draft is None or step not in _MARKS:
        return Mark.NONE
    return _MARKS[step](session)


def _profile(session: Session) -> Mark:
    if session.draft is None or session.visited <= {"profile"}:
        return Mark.NONE
    wrong = [w for w in session.draft.problems if not w.startswith("nodes")]
    return Mark.PROBLEM if wrong else Mark.DONE


def _nodes(session: Session) -> Mark:
    room = session.peek()[0]
    if session.tasks.running("detect"):
        return Mark.RUNNING
    if room is None or (room.evidence is None and not room.failures):
        return Mark.NONE
    if room.failures:
        return Mark.PROBLEM
    return Mark.DONE if room.proven else Mark.WARNING


def _checks(session: Session) -> Mark:
    room = session.peek()[0]
    if session.tasks.running("checks") or session.tasks.running("fix"):
        return Mark.RUNNING
    if room is None or not room.findings:
        return Mark.NONE
    if room.blockers:
        return Mark.PROBLEM
    return Mark.WARNING if room.warnings or room.stale else Mark.DONE


def _review(session: Session) -> Mark:
    whole = session.draft is not None and session.draft.profile is not None
    return Mark.DONE if whole and "review" in session.visited else Mark.NONE


def _deploy(session: Session) -> Mark:
    job = session.peek()[1]
    if session.tasks.running("run"):
        return Mark.RUNNING
    if job is None or job.state.ended is None:
        return Mark.NONE
    if job.state.ended.exit_code != 0:
        return Mark.PROBLEM
    return Mark.DONE if job.state.serving else Mark.NONE


def _chat(session: Session) -> Mark:
    talk = session.peek()[3]
    if session.tasks.running("chat") or session.tasks.running("verify"):
        return Mark.RUNNING
    answered = talk is not None and any(t.role == "assistant" and t.content for t in talk.turns)
    return Mark.DONE if answered else Mark.NONE


_MARKS: dict[str, Callable[[Session], Mark]] = {
    "profile": _profile,
    "nodes": _nodes,
    "checks": _checks,
    "review": _review,
    "deploy": _deploy,
    "chat": _chat,
}
