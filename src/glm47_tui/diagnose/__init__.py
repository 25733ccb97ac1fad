"""Log lines in, first causes out: the failure catalogue at work.

Imports i18n alone (and the assets' folder); knows nothing of nodes, SSH or deployments.
"""

from __future__ import annotations

from glm47_tui.diagnose.catalog import Catalog, CatalogError, Entry
from glm47_tui.diagnose.diagnoser import Diagnoser
from glm47_tui.diagnose.files import diagnose_files
from glm47_tui.diagnose.phases import PhaseReader, PhaseSeen
from glm47_tui.diagnose.report import Cause, NodePhase, Place, Report, Stall
from glm47_tui.diagnose.stalls import StallWatch
from glm47_tui.diagnose.words import main_diagnose, phase_words, report_lines, report_to_json

__all__ = [
    "Catalog",
    "CatalogError",
    "Cause",
    "Diagnoser",
    "Entry",
    "NodePhase",
    "PhaseReader",
    "PhaseSeen",
    "Place",
    "Report",
    "Stall",
    "StallWatch",
    "diagnose_files",
    "main_diagnose",
    "phase_words",
    "report_lines",
    "report_to_json",
]
