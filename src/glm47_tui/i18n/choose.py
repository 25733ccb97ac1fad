"""Which language to speak: what the user said, then the environment, then English."""

from __future__ import annotations

import os
from collections.abc import Mapping

_ALIASES = {"zh": "zh_CN", "zh_cn": "zh_CN", "zh-cn": "zh_CN", "cn": "zh_CN", "en": "en"}


def parse_language(word: str) -> str | None:
    """Return the supported language a word names (``zh``, ``zh_CN.UTF-8``, ``en_US``) or None."""
    base = word.strip().split(".")[0].split("@")[0]
    lowered = base.lower()
    if lowered in _ALIASES:
        return _ALIASES[lowered]
    return _ALIASES.get(lowered.replace("-", "_").split("_")[0])


def choose_language(
    flag: str | None = None,
    profile: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Return the language by ``--lang``, the profile, then LC_ALL, LC_MESSAGES, LANG.

    The Linux console (``TERM=linux``) has no Chinese glyphs: there English is the answer unless
    ``--lang`` says otherwise.
    """
    env = os.environ if env is None else env
    if flag and (lang := parse_language(flag)):
        return lang
    if env.get("TERM") == "linux":
        return "en"
    words = [profile, env.get("LC_ALL"), env.get("LC_MESSAGES"), env.get("LANG")]
    for word in words:
        if word and (lang := parse_language(word)):
            return lang
    return "en"
