"""Runs all rules over every node's launch."""

from __future__ import annotations

from dataclasses import replace

from glm47_tui.profile import Profile
from glm47_tui.render.known import Versions, version_key, versions_of
from glm47_tui.render.lint import rules_combos, rules_env, rules_flags, rules_keys
from glm47_tui.render.lint.context import Context, Rule
from glm47_tui.render.lint.note import LintFacts, LintNote, LintSeverity
from glm47_tui.render.lint.script import read
from glm47_tui.render.lint.tables import table_for
from glm47_tui.render.node_files import docker_run, launch_file

RULES: tuple[Rule, ...] = (
    *rules_flags.RULES, *rules_env.RULES, *rules_keys.RULES, *rules_combos.RULES,
)  # fmt: skip
_ORDER = {LintSeverity.ERROR: 0, LintSeverity.WARNING: 1, LintSeverity.INFO: 2}


def lint(profile: Profile, facts: LintFacts | None = None) -> tuple[LintNote, ...]:
    """Return the remarks on a profile's launch: errors first, then by node and line.

    A remark that is true of several nodes comes once a node, since it stands beside a line of each
    node's script; :func:`summary` folds them.
    """
    facts = facts or LintFacts()
    run_script = docker_run(profile)
    notes: list[tuple[int, LintNote]] = []
    for node in range(len(profile.nodes)):
        context = _context(profile, facts, run_script, node)
        notes += [(node, note) for rule in RULES for note in rule(context)]
    notes.sort(key=lambda x: (_ORDER[x[1].severity], x[0], x[1].line))
    return tuple(note for _, note in notes)


def summary(notes: tuple[LintNote, ...]) -> tuple[LintNote, ...]:
    """Return each remark once, as it stands in the first file it was made on."""
    seen: dict[tuple[str, str], LintNote] = {}
    for note in notes:
        seen.setdefault((note.id, note.subject), note)
    return tuple(seen.values())


def _context(profile: Profile, facts: LintFacts, run_script: str, node: int) -> Context:
    versions = _versions(profile, facts)
    launch = launch_file(profile, node)
    return Context(
        profile=profile,
        facts=facts,
        versions=versions,
        vllm=table_for("vllm", versions),
        ascend=table_for("vllm_ascend", versions),
        script=read(node, launch.path, launch.text),
        docker_run=run_script,
    )


def _versions(profile: Profile, facts: LintFacts) -> Versions:
    """What the container was found to hold, else what the image's tag says."""
    versions = versions_of(profile.container.image)
    for name in ("vllm", "vllm_ascend"):
        found = getattr(facts, name)
        if found and _is_version(found):
            versions = replace(versions, **{name: found, "assumed": False})
    return versions


def _is_version(text: str) -> bool:
    try:
        version_key(text)
    except ValueError:
        return False
    return True
