"""Programs that the user names in the environment: an editor, a pager."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg


def chosen(*variables: str, default: str) -> list[str]:
    """Return the words of the first variable that names a program, else those of ``default``.

    The value may hold arguments and quotes as in a shell, and begin with ``~``. Raises UserError
    (exit code 2) for a quote without its end.
    """
    for name in variables:
        value = os.environ.get(name, "").strip()
        try:
            words = shlex.split(value)
        except ValueError:
            raise UserError(
                Msg.of("app.program.quote", variable=name, value=value),
                fix=Msg.of("app.program.quote_fix", variable=name),
                exit_code=Exit.USAGE,
            ) from None
        if words and words[0]:
            # os.path: pathlib raises for ~nobody
            return [os.path.expanduser(words[0]), *words[1:]]  # noqa: PTH111
    return shlex.split(default)


def run_on(words: Sequence[str], file: Path) -> int:
    """Run a program on a file in this terminal and return its exit code, negative for a signal.

    Ctrl-C is the program's alone meanwhile (a pager that follows). Main thread only. Raises
    OSError or ValueError when it cannot be started.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([*words, str(file)], check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
