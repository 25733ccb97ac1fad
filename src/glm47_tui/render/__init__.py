"""From a profile to the files that run on the nodes, the commands, the lint. Pure: assets only."""

from __future__ import annotations

from glm47_tui.render.commands import Command, commands, undo_commands
from glm47_tui.render.files import DeployedFile, Rendered, RenderedFile, write
from glm47_tui.render.guide import diff_guide, guide_diff, guide_original
from glm47_tui.render.launch import job_name
from glm47_tui.render.lint import LintFacts, LintNote, LintSeverity, lint, summary
from glm47_tui.render.looks import (
    hccn_ping_script,
    monitor_script,
    probe_script,
    reach_script,
)
from glm47_tui.render.node_files import deployed_files
from glm47_tui.render.recipes import Recipe, apply_recipe, recipes
from glm47_tui.render.rendering import render
from glm47_tui.render.request import verification_request
from glm47_tui.render.steps import step_ids, step_script

__all__ = [
    "Command",
    "DeployedFile",
    "LintFacts",
    "LintNote",
    "LintSeverity",
    "Recipe",
    "Rendered",
    "RenderedFile",
    "apply_recipe",
    "commands",
    "deployed_files",
    "diff_guide",
    "guide_diff",
    "guide_original",
    "hccn_ping_script",
    "job_name",
    "lint",
    "monitor_script",
    "probe_script",
    "reach_script",
    "recipes",
    "render",
    "step_ids",
    "step_script",
    "summary",
    "undo_commands",
    "verification_request",
    "write",
]
