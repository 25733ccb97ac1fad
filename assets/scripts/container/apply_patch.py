#!/usr/bin/env python3
"""Apply one unified diff to one file, for containers without GNU patch. Standard library only.

    apply_patch.py apply [-R] PATCH OLD NEW   write NEW = OLD + PATCH (with -R: OLD - PATCH)
    apply_patch.py explain [-R] PATCH FILE    show where FILE differs from what PATCH expects

Strict: every context and removed line must stand exactly where the hunk says, byte for byte. No
fuzz, no offset. Exit codes: 0 done (explain: FILE is as expected), 1 FILE is not what the patch
expects, 2 wrong usage, or a file that cannot be read, parsed or written.
"""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path
from typing import NamedTuple

HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class Hunk(NamedTuple):
    """``old`` stands at line ``start`` (counted from 0) and becomes ``new``."""

    start: int
    old: list[bytes]
    new: list[bytes]


class Mismatch(Exception):
    """The file is not what the patch was made for."""


def read_hunks(diff: bytes, reverse: bool) -> list[Hunk]:
    """Parse the hunks of a unified diff of one file; ValueError says what is malformed."""
    lines = diff.splitlines(keepends=True)
    hunks = []
    at = next((i for i, line in enumerate(lines) if line.startswith(b"@@")), len(lines))
    while at < len(lines):
        head = HUNK.match(lines[at])
        if not head:
            raise ValueError(f"line {at + 1}: not the head of a hunk")
        numbers = [1 if n is None else int(n) for n in head.groups()]
        old: list[bytes] = []
        new: list[bytes] = []
        at += 1
        while at < len(lines) and (len(old), len(new)) != (numbers[1], numbers[3]):
            mark, text = lines[at][:1], lines[at][1:]
            if mark not in (b" ", b"-", b"+"):
                raise ValueError(f"line {at + 1}: not a line of a hunk")
            if at + 1 < len(lines) and lines[at + 1].startswith(b"\\"):
                text = text.rstrip(b"\n")  # "\ No newline at end of file"
                lines.pop(at + 1)
            if mark != b"+":
                old.append(text)
            if mark != b"-":
                new.append(text)
            at += 1
        if (len(old), len(new)) != (numbers[1], numbers[3]):
            raise ValueError("the last hunk is cut short")
        before = Hunk(numbers[0] - (1 if old else 0), old, new)
        after = Hunk(numbers[2] - (1 if new else 0), new, old)
        hunks.append(after if reverse else before)
    if not hunks:
        raise ValueError("no hunk in it")
    return hunks


def apply(hunks: list[Hunk], data: bytes) -> bytes:
    """Return the patched bytes; Mismatch if a line is not the expected one."""
    lines = data.splitlines(keepends=True)
    out: list[bytes] = []
    done = 0
    for hunk in hunks:
        end = hunk.start + len(hunk.old)
        if hunk.start < done or lines[hunk.start : end] != hunk.old:
            raise Mismatch(f"hunk at line {hunk.start + 1}: the lines there are not the expected")
        out += lines[done : hunk.start] + hunk.new
        done = end
    return b"".join(out + lines[done:])


def explain(hunks: list[Hunk], data: bytes, name: str) -> list[str]:
    """Return a unified diff, for people, of each hunk's expected lines against the file's."""
    lines = data.splitlines(keepends=True)
    shown = []
    for hunk in hunks:
        if lines[hunk.start : hunk.start + len(hunk.old)] == hunk.old:
            continue
        matcher = difflib.SequenceMatcher(None, lines, hunk.old, autojunk=False)
        match = matcher.find_longest_match(0, len(lines), 0, len(hunk.old))
        start = max(0, match.a - match.b) if match.size else hunk.start
        actual = lines[start : start + len(hunk.old)]
        texts = [[b.decode("utf-8", "replace").rstrip("\n") for b in x] for x in (hunk.old, actual)]
        shown += difflib.unified_diff(
            *texts, f"{name} as expected", f"{name} as it is", f"line {hunk.start + 1}",
            f"line {start + 1}", lineterm="",
        )
    return shown


def main(argv: list[str]) -> int:
    """Run one verb; see the top of the file."""
    reverse = "-R" in argv
    words = [word for word in argv if word != "-R"]
    if [*words, ""][0] not in ("apply", "explain") or len(words) != (
        4 if words[0] == "apply" else 3
    ):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        hunks = read_hunks(Path(words[1]).read_bytes(), reverse)
        data = Path(words[2]).read_bytes()
        if words[0] == "explain":
            report = explain(hunks, data, Path(words[2]).name)
            print("\n".join(report)) if report else None
            return 1 if report else 0
        Path(words[3]).write_bytes(apply(hunks, data))
    except Mismatch as error:
        print(f"{words[2]}: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"{words[1]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
