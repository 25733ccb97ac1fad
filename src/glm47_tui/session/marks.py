"""How each step of the wizard stands, as a function of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm47_tui.session.steps import Mark

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


def mark(session: Session, step: str) -> Mark:
    """Return the mark of one step; opens no room and imports nothing heavy."""
    if session.draft is None:
        return Mark.NONE
    return _MARKS[step](session) if step in _MARKS else Mark.NONE


def _profile(session: Session) -> Mark:
    if "profile" not in session.visited or session.draft is None:
        return Mark.NONE
    wrong = [w for w in session.draft.problems if not w.startswith("nodes")]
    return Mark.PROBLEM if wrong else Mark.DONE


_MARKS = {"profile": _profile}
