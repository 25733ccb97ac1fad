"""The question before quitting while something runs: leave it running, stop it, or stay."""

from __future__ import annotations

from glm47_tui.i18n import Msg
from glm47_tui.screens.dialogs.choose import Choose
from glm47_tui.session import Session

HARMLESS = ("detect", "checks", "compare", "read")
"""Tasks that only look: quitting ends them without a question."""


def leave_dialog(session: Session) -> Choose | None:
    """Make the dialog; None when nothing runs that a user would miss."""
    running = [task for task in session.tasks.active if task.name not in HARMLESS]
    job = session.peek()[1]
    serving = job is not None and job.state.serving
    if not running and not serving:
        return None
    lines: list[Msg | str] = [Msg.of("screens.quit.running", what=x.title) for x in running]
    answers: list[tuple[str, Msg | str]] = []
    if running:
        lines.append("screens.quit.interrupted")
        answers.append(("stop", "screens.quit.stop"))
    else:
        lines.append("screens.quit.serving")
        answers.append(("quit", "screens.quit.leave"))
    answers.append(("stay", "screens.quit.stay"))
    dialog = Choose("screens.quit.title", [*lines, "screens.quit.draft"], answers)
    if running:
        passed = Msg.of("screens.quit.passed", what=running[-1].title)
        dialog.while_(lambda: any(task.running for task in running), passed)
    return dialog
