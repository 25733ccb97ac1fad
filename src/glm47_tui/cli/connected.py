"""What the verbs that talk to nodes share: secrets, connections, a stop on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from glm47_tui.cli.secrets import TerminalAsk, read_secrets
from glm47_tui.cli.words import user_error
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import t

if TYPE_CHECKING:
    from glm47_tui.profile import Profile
    from glm47_tui.remote.api import Fleet


def interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def asker(secrets_stdin: bool) -> tuple[TerminalAsk, dict[str, str]]:
    """Return who answers for the user, and the secrets given beforehand."""
    secrets = read_secrets(secrets_stdin)
    return TerminalAsk(secrets, interactive=interactive() and not secrets_stdin), secrets


@contextmanager
def connected(
    profile: Profile,
    ask: TerminalAsk,
    *,
    only: tuple[int, ...] | None = None,
    some: bool = False,
    none: bool = False,
) -> Iterator[Fleet]:
    """Log in to the nodes; every failure is said, then the command ends with its exit code.

    With ``some`` it goes on with the nodes that could be reached, if there are any: who looks at a
    deployment does so because a node may be down; with ``none``, without any. The caller says the
    failures of the others.
    """
    from glm47_tui.remote import connect

    fleet = connect(profile, ask, only=only)
    try:
        if fleet.failures and not (none or (some and fleet.connections)):
            failures = list(fleet.failures.values())
            say_failures(failures[:-1])
            raise failures[-1]
        yield fleet
    finally:
        fleet.close()


def say_failures(failures: Iterable[Exception]) -> None:
    """Say why nodes could not be reached."""
    for failure in failures:
        if isinstance(failure, UserError):
            click.echo(user_error(failure), err=True)


@contextmanager
def cancel_on_signal() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or TERM) into a set event; the second one ends at once."""
    cancel = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()
        click.echo(t("cli.run.cancelling"), err=True)

    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def node_numbers(profile: Profile, words: tuple[str, ...]) -> tuple[int, ...] | None:
    """Read ``--node 1``, ``--node node1`` or an address; None when none was given."""
    if not words:
        return None
    numbers = []
    for word in words:
        names = {profile.node_name(i): i for i in range(len(profile.nodes))}
        names.update({str(i): i for i in range(len(profile.nodes))})
        names.update({node.ip: i for i, node in enumerate(profile.nodes)})
        names.update({node.host: i for i, node in enumerate(profile.nodes)})
        if word not in names:
            from glm47_tui.i18n import Msg

            raise UserError(
                Msg.of("cli.node.unknown", word=word, last=len(profile.nodes) - 1),
                exit_code=Exit.USAGE,
            )
        numbers.append(names[word])
    return tuple(dict.fromkeys(numbers))
