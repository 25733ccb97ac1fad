"""Marks beside words. All are one cell wide in every terminal: ASCII, or East Asian Width neutral.

``TERM=linux`` has no check mark in its font; there plain ASCII is drawn.
"""

from __future__ import annotations

import os

_FANCY = {"ok": "✓", "bad": "✗"}
_PLAIN = {"ok": "+", "bad": "x"}
_BOTH = {
    "warn": "!",
    "run": "~",
    "wait": "-",
    "info": "i",
    "unknown": "?",
    "none": " ",
    "here": ">",
}


def glyph(name: str) -> str:
    """Return a mark: ok, bad, warn, run, wait, info, unknown, none or here."""
    fancy = os.environ.get("TERM") != "linux"
    return {**(_FANCY if fancy else _PLAIN), **_BOTH}[name]


STYLE = {
    "ok": "$text-success",
    "bad": "bold $text-error",
    "warn": "bold $text-warning",
    "run": "bold $text-accent",
    "wait": "$quiet",
    "info": "$text-accent",
    "unknown": "$text-warning",
    "none": "$quiet",
    "here": "bold $text-primary",
}
"""Content style of each mark; colour only ever repeats what the mark says."""
