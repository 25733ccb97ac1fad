"""What can be wrong with a demo before it runs."""

from __future__ import annotations

from glm47_tui.errors import Exit, UserError


class DemoError(UserError):
    """The simulated cluster cannot be started, or is asked for what it cannot do."""

    exit_code = Exit.USAGE


class HomeInUse(DemoError):
    """Another cluster lives in this home."""
