"""Logs from files, archives and pipes (skeleton)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from glm47_tui.diagnose.report import Report


def diagnose_files(
    paths: Iterable[str],
    *,
    skew: Mapping[str, float] | None = None,
    all_runs: bool = False,
) -> Report:
    """Read logs (``NODE=FILE``, a path, ``-``) and report."""
    return Report(files=tuple(paths))
