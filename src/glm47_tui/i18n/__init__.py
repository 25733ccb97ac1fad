"""Every text a user reads, in Chinese and English, by message id.

A message id is ``room.name`` (``checks.nic.absent``); the part before the first dot names the
catalog file ``locale/<language>/<room>.toml``. Engine code passes :class:`Msg` values around and
never words, so the language can change while a screen is open.
"""

from __future__ import annotations

from glm47_tui.i18n.catalog import (
    LANGUAGES,
    Msg,
    language,
    provide,
    sentences,
    set_language,
    t,
)
from glm47_tui.i18n.choose import choose_language

__all__ = [
    "LANGUAGES", "Msg", "choose_language", "language", "provide", "sentences", "set_language", "t",
]  # fmt: skip
