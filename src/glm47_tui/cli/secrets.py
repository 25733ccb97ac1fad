"""Where the command line takes secrets from: standard input, the environment, the terminal.

Never from an argument: every user of a machine can read argument lists.
"""

from __future__ import annotations

import getpass
import os
import sys
import threading
from collections.abc import Mapping
from typing import Literal

import click

from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg, t
from glm47_tui.remote.api import HostKey, SecretRequest

ENVIRONMENT = {
    "password": "GLM47_TUI_PASSWORD",
    "sudo": "GLM47_TUI_SUDO_PASSWORD",
    "passphrase": "GLM47_TUI_PASSPHRASE",
    "prompt": "GLM47_TUI_PASSWORD",
    "token": "MODELSCOPE_API_TOKEN",
}
"""Kind of secret -> name in the environment and on standard input."""

_NAMES = frozenset(ENVIRONMENT.values())
_MOST_BYTES = 65536


def read_secrets(from_stdin: bool) -> dict[str, str]:
    """Collect ``NAME=value`` secrets of standard input (when asked to) over the environment's.

    Raises UserError for a line that is no secret; the line itself is not repeated.
    """
    found = {name: os.environ[name] for name in _NAMES if os.environ.get(name)}
    if not from_stdin:
        return found
    for number, line in enumerate(sys.stdin.read(_MOST_BYTES).splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or name.strip() not in _NAMES:
            raise UserError(
                Msg.of("cli.secrets.bad_line", line=number, names=", ".join(sorted(_NAMES))),
                exit_code=Exit.USAGE,
            )
        found[name.strip()] = value
    return found


class TerminalAsk:
    """Answers from what was given beforehand, then from the person at the terminal, if any.

    One question at a time: nodes are connected side by side.
    """

    def __init__(self, secrets: Mapping[str, str], *, interactive: bool) -> None:
        self._secrets = dict(secrets)
        self._interactive = interactive
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "TerminalAsk(...)"

    def secret(self, request: SecretRequest) -> str | None:
        """Return a secret given beforehand (once per question), or ask for it."""
        given = self._secrets.get(ENVIRONMENT[request.kind])
        if given is not None and request.attempt == 1:
            return given
        if not self._interactive:
            return None
        with self._lock:
            if request.attempt > 1:
                click.echo(t("cli.ask.again"), err=True)
            label = request.prompt or t(f"cli.ask.{request.kind}", where=request.where)
            try:
                answer = getpass.getpass(f"{request.node}: {label} ", stream=sys.stderr)
            except (EOFError, OSError):
                return None
        return answer or None

    def host_key(self, key: HostKey) -> Literal["once", "save", "refuse"]:
        """Show the fingerprint and ask; unattended: refuse."""
        if not self._interactive:
            return "refuse"
        with self._lock:
            click.echo(
                t("cli.ask.host_key", node=key.node, host=key.host, port=key.port, kind=key.kind,
                  fingerprint=key.fingerprint), err=True)  # fmt: skip
            try:
                word = click.prompt(t("cli.ask.host_key_answer"), default="no", err=True)
            except click.Abort:  # the terminal is at its end (Ctrl-D)
                return "refuse"
        answers: dict[str, Literal["once", "save"]] = {
            "yes": "save", "y": "save", "once": "once", "是": "save"
        }  # fmt: skip
        return answers.get(str(word).strip().lower(), "refuse")
