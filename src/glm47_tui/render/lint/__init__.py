"""The launch against what the chosen versions read."""

from __future__ import annotations

from glm47_tui.render.lint.note import LintFacts, LintNote, LintSeverity
from glm47_tui.render.lint.run import lint, summary

__all__ = ["LintFacts", "LintNote", "LintSeverity", "lint", "summary"]
