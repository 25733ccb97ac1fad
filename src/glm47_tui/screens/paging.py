"""Showing a text in the user's pager, with the terminal handed over to it meanwhile."""

from __future__ import annotations

import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.programs import run_on


def page(app: App[int], text: str, pager: list[str]) -> None:
    """Show a text in a pager and wait for its end; UserError when that cannot be done."""
    detail = ""
    try:
        with tempfile.TemporaryDirectory(prefix="glm47-tui-") as folder:
            file = Path(folder) / "log.txt"
            file.write_text(text, encoding="utf-8", errors="replace")
            with app.suspend():
                code = run_on(pager, file)
        if code > 0:
            detail = str(Msg.of("watch.pager_code", code=code))
    except SuspendNotSupported:
        detail = str(Msg.of("watch.no_suspend"))
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or str(error)
    if detail:
        raise UserError(Msg.of("watch.no_pager", pager=pager[0], detail=detail))
