"""Questions of a deployment, answered at the terminal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from glm47_tui.i18n import t

if TYPE_CHECKING:
    from glm47_tui.deploy import Question


class TerminalConsent:
    """Asks the person at the terminal; one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def agree(self, question: Question) -> str | None:
        """Return the option that was chosen, None to refuse."""
        with self._lock:
            click.echo(err=True)
            where = "" if question.node is None else f"node{question.node}: "
            click.echo(f"{where}{t(question.text)}", err=True)
            for number, option in enumerate(question.options, 1):
                click.echo(f"  {number}  {t(f'deploy.option.{option}')}", err=True)
            default = question.options.index(question.default) + 1 if question.default else None
            while True:
                try:
                    word = click.prompt(t("cli.ask.choice"), default=default, err=True)
                except click.Abort:  # the terminal is at its end (Ctrl-D): nobody agreed
                    return None
                if str(word).isdigit() and 0 < int(word) <= len(question.options):
                    return question.options[int(word) - 1]
