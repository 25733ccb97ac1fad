"""Cleaning of remote text, and number parsing that never raises.

Everything a node sends is untrusted: escape codes, carriage returns, NUL bytes, digits without
end. The parsers of this room work on cleaned text only.
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: window titles, links
    r"|\x1b[PX^_].*?(?:\x1b\\|$)"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?",  # everything shorter, and a cut-off escape
)
# Tab and newline stay; a carriage return has been turned into a newline before.
# What a terminal would act on, or what hides or turns round other text (bidi, zero width).
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# 19 digits: nanoseconds since 1970 have as many.
_INT = re.compile(r"[0-9]{1,19}")
_FLOAT = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?")


def clean(text: str) -> str:
    """Return the text without escape codes and control characters, with ``\\n`` line ends."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)


def visible(text: str) -> str:
    """Return the text with what cannot be seen written out: ``\\x1b``, ``\\r``, ``\\u202e``.

    For a person who compares files: what makes two of them differ must not vanish.
    """
    return _UNSEEN.sub(lambda found: repr(found.group())[1:-1], text)


def to_int(word: str | None) -> int | None:
    """Return a non-negative decimal number of up to 19 digits, or None for anything else."""
    if word is None:
        return None
    word = word.strip()
    return int(word) if _INT.fullmatch(word) else None


def to_float(word: str | None) -> float | None:
    """Return a plain decimal number, or None for ``-``, ``NA``, blanks and anything else."""
    if word is None:
        return None
    word = word.strip()
    return float(word) if _FLOAT.fullmatch(word) else None


def key_values(text: str, separator: str = "=") -> dict[str, str]:
    """Return ``key<separator>value`` lines as a mapping; other lines are skipped."""
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        key, found, value = line.partition(separator)
        if found and key.strip():
            pairs[key.strip()] = value.strip().strip('"')
    return pairs
