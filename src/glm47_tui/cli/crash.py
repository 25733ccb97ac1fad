"""A bug of ours: a line for the user, the details in a file, never a traceback on the screen."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

from glm47_tui.i18n import t


def report(error: BaseException) -> str:
    """Write the stack (places only, no values) to a private file and return what to say.

    Values of variables are left out on purpose: passwords can be among them. So is the error's
    own text, which goes to the screen alone, shortened.
    """
    lines = [f"{type(error).__name__}\n", *traceback.format_tb(error.__traceback__)]
    try:
        handle, name = tempfile.mkstemp(prefix="glm47-tui-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.writelines(lines)
    except OSError:
        name = "-"
    return t("cli.error.internal", kind=type(error).__name__, file=str(Path(name)))
