"""From bytes to lines fit for a screen: no escape codes, carriage returns resolved."""

from __future__ import annotations

import re

MAX_LINE = 65536
"""Bytes of one line that are kept; what is beyond is dropped, so that no line can fill memory."""

# Bytes of which ordinary lines hold none (C2 begins the C1 controls in UTF-8).
_ODD = bytes([*range(9), *range(11, 32), 0x7F, 0xC2])
_ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    rb"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and other strings
    rb"|\x1b[ -/]*[0-~]"  # two-character sequences
    rb"|\xc2\x9b[0-?]*[ -/]*[@-~]"  # CSI as one character (UTF-8)
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")


def _overwrite(line: bytes) -> bytes:
    """What a terminal would show of a line with carriage returns: the last piece that is not empty.

    (A shorter piece would leave the end of a longer one standing; programs that redraw their line
    do not mean that.)
    """
    pieces = [piece for piece in line.split(b"\r") if piece.strip()]
    return pieces[-1] if pieces else b""


def _erased(data: bytes) -> bytes:
    """Take each backspace back with the character (not the byte) before it, never past its line."""
    pieces = data.split(b"\x08")
    out = bytearray(pieces[0])
    for piece in pieces[1:]:
        if out and out[-1] not in b"\n\r":
            while out[-1] & 0xC0 == 0x80 and len(out) > 1 and out[-2] >= 0x80:
                out.pop()
            out.pop()
        out += piece
    return bytes(out)


def clean(data: bytes) -> str:
    """Clean one or more whole lines; the number of newlines stays the same."""
    if len(data.translate(None, _ODD)) != len(data):  # several times faster than a search
        data = _ESCAPES.sub(b"", data)
        if b"\x08" in data:
            data = _erased(data)
        if b"\r" in data:
            lines = data.replace(b"\r\n", b"\n").split(b"\n")
            data = b"\n".join(_overwrite(x) if b"\r" in x else x for x in lines)
        data = _CONTROL.sub(b"", data)
    return data.decode("utf-8", "replace")


class LineSplitter:
    """Cuts a byte stream into cleaned lines, whole batches at a time.

    With ``progress`` a line that is redrawn by carriage returns is reported at each redraw, so that
    a progress bar is seen before its newline. Without, there is exactly one line a newline.
    """

    def __init__(self, *, progress: bool = False) -> None:
        self._rest = b""
        self._overlong = False
        self._progress = progress

    def feed(self, data: bytes) -> list[str]:
        """Take a piece of the stream and return the lines it completes."""
        head, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._keep(data)
            return self._redrawn() if self._progress else []
        whole = self._rest + head
        self._rest, self._overlong = b"", False
        self._keep(rest)
        if len(whole) > MAX_LINE:
            whole = b"\n".join(x[:MAX_LINE] for x in whole.split(b"\n"))
        lines = clean(whole + b"\n").split("\n")
        lines.pop()
        if self._progress:
            lines += self._redrawn()
        return lines

    def _keep(self, data: bytes) -> None:
        if not self._overlong:
            self._rest += data
        if len(self._rest) > 2 * MAX_LINE:
            if self._progress:
                self._rest = self._rest[-MAX_LINE:]
            else:
                self._rest, self._overlong = self._rest[:MAX_LINE], True

    def _redrawn(self) -> list[str]:
        # A return at the very end may be half of "\r\n": wait for what follows.
        done, found, rest = self._rest[:-1].rpartition(b"\r")
        if not found:
            return []
        text = clean(_overwrite(done))
        self._rest = rest + self._rest[-1:]
        return [text] if text.strip() else []

    def end(self) -> list[str]:
        """Return the last line if it has no newline, and forget it."""
        rest, self._rest = self._rest, b""
        return [clean(rest[:MAX_LINE])] if rest.strip(b"\r") else []
