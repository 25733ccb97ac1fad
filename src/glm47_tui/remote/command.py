"""What is sent to a node: one command line, and a text on standard input.

The command line is ``bash -s -- ARGS`` (through sudo where needed), the text a first line of ours,
the script, and a NUL. The first line reports that bash is there, reads the script up to the NUL (a
cut connection runs nothing by halves), sets the secrets, ties the command to its connection, and
evaluates the script; line numbers in error messages are the script's own.

Tied means: a watcher holds the true standard input. When that ends (this side closed the channel,
or the connection broke) while the script still runs, the watcher ends its whole process group: it
has the same rights as the command, whether that is root's or not, and needs no second session.
Processes that have left the group by setsid stay.
"""

from __future__ import annotations

import re
import secrets as random
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

# On both outputs: what stands in front of it is noise of login scripts, or sudo's.
_READY = "printf '@@ready %s\\n' {nonce}; printf '@@ready %s\\n' {nonce} >&2"
_READ = "IFS= read -r -d '' _s || exit 125; IFS= read -r _l"
_END = '[ -d "/proc/$$" ] || exit; kill -TERM 0; sleep 2; kill -KILL 0'
# "run": the script's standard input is empty.
_WATCH = (
    f"{{ trap '' HUP TERM; while read -r _l; do :; done; {_END}; }} <&0 >/dev/null 2>&1 & disown; "
    "exec </dev/null"
)
# "stream": what comes later is passed on. A coprocess, for `wait` waits for a process substitution.
_RELAY = (
    "exec 2>&1 3<&0; coproc _r { exec <&3 3<&- 2>/dev/null; trap '' HUP TERM; cat; exec >&-; "
    f'{_END}; }}; disown "$_r_PID"; exec <&"${{_r[0]}}" 3<&-; '
    'eval "exec ${_r[0]}<&- ${_r[1]}>&-"'
)
_EVAL = 'eval "unset _s _l; $_s"; exit'
_WAIT = 'while IFS= read -r l; do [ "$l" = {nonce} ] && exec "$@"; done'

Input = Literal["none", "lines"]


@dataclass(frozen=True)
class Root:
    """How commands become root's: not at all, by sudo, or by sudo with a password."""

    sudo: bool = False
    password: str | None = field(default=None, repr=False)


PLAIN = Root()


@dataclass(frozen=True)
class Command:
    """One command as it goes over the wire. ``text`` may hold secrets: never shown."""

    line: str
    text: bytes = field(repr=False)
    nonce: str

    @property
    def marker(self) -> bytes:
        """The line by which bash reports that it runs. (No pattern: re would keep each of them.)"""
        return f"@@ready {self.nonce}\n".encode()


def build(
    script: str,
    args: Sequence[str],
    root: Root,
    secrets: Mapping[str, str] | None = None,
    *,
    stdin: Input = "none",
) -> Command:
    """Put a command together that takes its script from standard input.

    ``stdin="lines"``: the script can read what is sent later, and its stderr joins stdout.
    """
    if "\0" in script:
        raise ValueError("a script holds no NUL")
    nonce = random.token_hex(8)
    parts = [_READY.format(nonce=nonce), _READ, _WATCH if stdin == "none" else _RELAY]
    for name, value in (secrets or {}).items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"not the name of a variable: {name!r}")
        parts.append(f"{name}={shlex.quote(value)}")
    end = "" if script.endswith("\n") else "\n"
    text = "; ".join([*parts, _EVAL]) + f"\n{script}{end}\0\n"
    return _as_root(["bash", "-s", "--", *args], text, root, nonce)


def build_for_data(one_line: str, args: Sequence[str], root: Root) -> Command:
    """Put a command together whose standard input is data: the script stands in the command line
    and is ours alone (one line, no secret)."""
    nonce = random.token_hex(8)
    script = f"{_READY.format(nonce=nonce)}; {one_line}"
    return _as_root(["bash", "-c", script, "bash", *args], "", root, nonce)


def _as_root(words: list[str], text: str, root: Root, nonce: str) -> Command:
    if root.sudo and root.password is None:
        words = ["sudo", "-n", "--", *words]
    elif root.sudo:
        # sudo reads the first line of standard input. Should it not (a rule that wants no password
        # after all), the line must never be taken for a command: what stands in front of the
        # nonce is skipped.
        wait = _WAIT.format(nonce=nonce)
        words = ["sudo", "-k", "-S", "-p", "", "--", "bash", "-c", wait, "bash", *words]
        text = f"{root.password}\n{nonce}\n{text}"
    return Command(" ".join(shlex.quote(w) for w in words), text.encode(), nonce)
