"""What one run of the command line remembers: whether ``--lang`` was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm47_tui.i18n import choose_language, set_language

if TYPE_CHECKING:
    from glm47_tui.profile import Profile

language_chosen = False
"""``--lang`` was given: a profile's own language does not count then."""


def load_profile(word: str) -> Profile:
    """Read a profile and speak its language from here on, unless ``--lang`` said otherwise."""
    from glm47_tui.profile import load

    profile = load(word)
    if not language_chosen:
        set_language(choose_language(profile=profile.language))
    return profile
