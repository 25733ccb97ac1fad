"""Runs all rules over the rendered files."""

from __future__ import annotations

from glm47_tui.profile import Profile
from glm47_tui.render.lint.note import LintFacts, LintNote


def lint(profile: Profile, facts: LintFacts | None = None) -> tuple[LintNote, ...]:
    """Return the remarks on a profile's launch, errors first, then in the order of the script."""
    del profile, facts
    return ()
