"""What a rule may look at, and how it makes a note."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.render.known import Versions, version_key
from glm47_tui.render.lint.note import LintFacts, LintNote, LintSeverity
from glm47_tui.render.lint.script import Script, Setting
from glm47_tui.render.lint.tables import Table


@dataclass(frozen=True)
class Context:
    """One node's launch and what is known about it."""

    profile: Profile
    facts: LintFacts
    versions: Versions
    vllm: Table
    ascend: Table
    script: Script
    docker_run: str
    """Text of docker_run.sh."""

    def ascend_before(self, version: str) -> bool:
        """Whether the vllm-ascend in question is older than a version."""
        return version_key(self.versions.vllm_ascend) < version_key(version)

    def note(
        self,
        rule: str,
        severity: LintSeverity,
        setting: Setting | str,
        *,
        fix: Msg | None = None,
        source: str = "",
        file: str = "",
        **values: Any,
    ) -> LintNote:
        """Make a note about a setting (or about something that is not there: line 0)."""
        name, line = (setting, 0) if isinstance(setting, str) else (setting.name, setting.line)
        return LintNote(
            id=rule,
            severity=severity,
            subject=name,
            file=file or self.script.file,
            line=line,
            what=Msg.of(f"lint.{rule}.what", name=name, **values),
            replacement=fix,
            source=source,
        )

    def fix(self, rule: str, **values: Any) -> Msg:
        """The words of a rule's remedy."""
        return Msg.of(f"lint.{rule}.fix", **values)

    @property
    def quantized(self) -> bool | None:
        """Whether the weights are quantised: what was found on disk, else what the names say."""
        if self.facts.quantized is not None:
            return self.facts.quantized
        names = f"{self.profile.model.repo} {self.profile.model_path(self.script.node)}"
        return True if re.search(r"[wW][48][aA][48]|quant", names) else None

    def json_flag(self, name: str) -> dict[str, Any]:
        """A flag's JSON object; empty when it is absent or no object."""
        found = self.script.flag(name)
        try:
            value = json.loads(found.value) if found else {}
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


Rule = Callable[[Context], Iterator[LintNote]]
ERROR, WARNING, INFO = LintSeverity.ERROR, LintSeverity.WARNING, LintSeverity.INFO
