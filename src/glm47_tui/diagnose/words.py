"""A report in words and as JSON (skeleton)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from glm47_tui.diagnose.report import Report


def report_to_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON data."""
    return {"causes": [], "lines": report.lines, "bytes": report.bytes}


def report_lines(report: Report) -> list[str]:
    """Return the report as text, in the current language."""
    return []


def main_diagnose(paths: Iterable[str], as_json: bool, out: Callable[[str], object]) -> int:
    """Read, report, print; return the exit code."""
    return 0
