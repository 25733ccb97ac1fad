"""``chat PROFILE``: talk to the model from a plain terminal, or pipe one question in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg, t

if TYPE_CHECKING:
    from glm47_tui.service import ChatOptions, Service


@command("chat")
@profile_argument()
@option("--message", "-m", default=None, metavar="TEXT")
@option("--no-think", is_flag=True)
@option(
    "--max-tokens", default=2048, show_default=True, metavar="N", type=click.IntRange(1, 202752)
)
@option("--temperature", default=None, metavar="T", type=click.FloatRange(0.0, 2.0))
@option("--secrets-stdin", is_flag=True)
def chat(
    profile: str,
    message: str | None,
    no_think: bool,
    max_tokens: int,
    temperature: float | None,
    secrets_stdin: bool,
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.connected import asker, connected
    from glm47_tui.service import ChatOptions, open_service

    loaded = load_profile(profile)
    ask, _ = asker(secrets_stdin)
    if message is None and not sys.stdin.isatty():
        if secrets_stdin:
            raise UserError(Msg.of("cli.chat.one_stdin"), exit_code=Exit.USAGE)
        message = sys.stdin.read(1 << 20).strip()
    options = ChatOptions(thinking=not no_think, max_tokens=max_tokens, temperature=temperature)
    with connected(loaded, ask, only=(0,)) as fleet:
        service = open_service(fleet.connections[0], loaded)
        try:
            _talk(service, options, message)
        finally:
            service.close()
    return 0


def _talk(service: Service, options: ChatOptions, message: str | None) -> None:
    history: list[dict[str, Any]] = []
    while True:
        text = message if message is not None else _question()
        if text is None:
            return
        history.append({"role": "user", "content": text})
        answer = _answer(service, options, history)
        history.append({"role": "assistant", "content": answer})
        if message is not None:
            return


def _question() -> str | None:
    text = ""
    while not text.strip():
        try:
            text = input(t("cli.chat.you"))
        except EOFError:  # noqa: PERF203
            click.echo()
            return None
    return text


def _answer(service: Service, options: ChatOptions, history: list[dict[str, Any]]) -> str:
    """Print an answer as it comes: thinking on standard error, so that pipes get the answer."""
    content: list[str] = []
    thinking = False
    for delta in service.chat(history, options):
        if delta.reasoning:
            if not thinking:
                click.echo(t("cli.chat.thinking"), err=True)
                thinking = True
            click.echo(click.style(delta.reasoning, dim=True), nl=False, err=True)
        if delta.content:
            if thinking:
                click.echo("\n", err=True)
                thinking = False
            content.append(delta.content)
            click.echo(delta.content, nl=False)
        if delta.stats is not None:
            stats = delta.stats
            click.echo()
            click.echo(
                t("cli.chat.stats", first=f"{stats.first_token_s or 0:.2f}",
                  rate=f"{stats.tokens_per_s or 0:.1f}", tokens=stats.completion_tokens or 0),
                err=True,
            )  # fmt: skip
    return "".join(content)
