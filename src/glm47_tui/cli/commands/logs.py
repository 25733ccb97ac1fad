"""``logs PROFILE [-f] [--node N]``: the engines' own logs, of all nodes or some."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import click

from glm47_tui.cli.base import command, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.errors import Exit


@command("logs")
@profile_argument()
@option("--follow", "-f", is_flag=True)
@option("--node", "nodes", multiple=True, metavar="NODE")
@option(
    "--lines", "-n", default=200, show_default=True, metavar="N", type=click.IntRange(0, 1_000_000)
)
@option("--secrets-stdin", is_flag=True)
def logs(
    profile: str, follow: bool, nodes: tuple[str, ...], lines: int, secrets_stdin: bool
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.cli.connected import (
        asker,
        cancel_on_signal,
        connected,
        node_numbers,
        say_failures,
    )
    from glm47_tui.deploy import Job, NoConsent

    loaded = load_profile(profile)
    only = node_numbers(loaded, nodes)
    numbers = only if only is not None else tuple(range(len(loaded.nodes)))
    ask, _ = asker(secrets_stdin)
    printing = threading.Lock()

    def sink(node: int) -> Callable[[Sequence[str]], None]:
        prefix = f"node{node} | " if len(numbers) > 1 else ""

        def take(batch: Sequence[str]) -> None:
            with printing:
                click.echo("\n".join(f"{prefix}{line}" for line in batch))

        return take

    with cancel_on_signal() as cancel, connected(loaded, ask, only=only, some=True) as fleet:
        say_failures(fleet.failures.values())
        reached = [number for number in numbers if number in fleet.connections]
        job = Job(
            loaded, fleet, emit=lambda _event: None, consent=NoConsent(), secrets={},
            cancel=cancel, ask=ask,
        )  # fmt: skip
        if not follow:
            for number in reached:
                sink(number)(job.last_log(number, lines))
        else:
            ends = [job.follow_logs(number, sink(number), tail=lines) for number in reached]
            while not cancel.wait(0.2) and not all(end.ended for end in ends):
                pass
            for end in ends:
                end.close()
    return 0 if len(reached) == len(numbers) else int(Exit.UNREACHABLE)
