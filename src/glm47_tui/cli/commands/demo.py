"""``demo``: two simulated nodes on loopback, and the whole job on them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from glm47_tui.cli.base import command, option
from glm47_tui.cli.state import load_profile
from glm47_tui.i18n import t

if TYPE_CHECKING:
    from glm47_tui.demo import Cluster

HOMES = 9
"""How many demos of one user may run side by side without ``--home``."""


@command("demo")
@option("--headless", is_flag=True)
@option("--keep", is_flag=True)
@option("--nodes", default=2, show_default=True, metavar="N", type=click.IntRange(1, 16))
@option("--home", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@option("--fault", "faults", multiple=True, metavar="NAME")
@option("--pace", default=1.0, show_default=True, type=click.FloatRange(0.01, 100),
        metavar="FACTOR")  # fmt: skip
@option("--json", "as_json", is_flag=True)
@option("--verbose", "-v", is_flag=True)
def demo(
    headless: bool,
    keep: bool,
    nodes: int,
    home: Path | None,
    faults: tuple[str, ...],
    pace: float,
    as_json: bool,
    verbose: bool,
) -> int:
    """Words are in the catalogs."""
    from glm47_tui.demo import FAULTS, Cluster

    if "list" in faults:
        for name in FAULTS:
            click.echo(f"{name:<18} {t(f'demo.fault.{name}')}")
        return 0
    if home is not None:
        cluster = Cluster(home, nodes=nodes, pace=pace, faults=faults).start()
    else:
        cluster = start_anew(nodes=nodes, pace=pace, faults=faults)
    try:
        file = cluster.home / "profile.toml"
        file.write_text(cluster.profile_text(), encoding="utf-8")
        if not as_json:
            click.echo(t("cli.demo.started", nodes=nodes, profile=str(file)), err=True)
        if not headless:
            from glm47_tui.cli.commands.wizard import start

            return start(str(file))
        from glm47_tui.cli.commands.jobs import run_job

        code = run_job(load_profile(str(file)), "deploy", yes=True, as_json=as_json,
                       verbose=verbose, check=True)  # fmt: skip
        if keep and code == 0:
            click.echo(t("cli.demo.kept", profile=str(file)), err=True)
            cluster.wait()
        return code
    finally:
        cluster.stop()


def start_anew(*, nodes: int, pace: float, faults: tuple[str, ...]) -> Cluster:
    """Start a cluster from nothing in the user's cache, beside those that already run there.

    DemoError when it cannot be started, or when none of the homes is free.
    """
    from platformdirs import user_cache_path

    from glm47_tui.demo import Cluster, HomeInUse

    top = user_cache_path("glm47-tui", appauthor=False)
    for number in range(1, HOMES + 1):
        home = top / ("demo" if number == 1 else f"demo-{number}")
        with suppress(HomeInUse):
            return Cluster(home, nodes=nodes, pace=pace, faults=faults, fresh=True).start()
    return Cluster(top / "demo", nodes=nodes, pace=pace, faults=faults, fresh=True).start()
