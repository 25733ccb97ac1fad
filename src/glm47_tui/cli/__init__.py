"""The command line: the same engine as the app, without a screen. Heavy imports wait.

Exit codes are those of :class:`glm47_tui.errors.Exit`; 1 is an error of the program itself.
"""

from __future__ import annotations

from glm47_tui.cli.run import main

__all__ = ["main"]
