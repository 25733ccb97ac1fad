"""Asking nodes what is true: one script, one round trip, all nodes side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from glm47_tui.errors import UserError
from glm47_tui.node.facts import NodeFacts, parse_probe
from glm47_tui.profile import Profile
from glm47_tui.render.looks import probe_script

LIMIT_S = 2.2
"""Seconds any single probe may take in the first round: a healthy node answers in under one."""
PATIENT_S = 20.0
"""Seconds in the second round, for what hit its limit: npu-smi on a busy host can take several."""
FOLLOWING = {"npuproc": "npu", "npuhealth": "npu", "dockerdisk": "dockerinfo"}
"""Probes that run by themselves after another one, whose answer they need."""
NETWORK_S = 15.0
"""Seconds for the way there and back, on top of the limit."""

T = TypeVar("T")


class Ran(Protocol):
    """What is read of a finished run (``remote.Result``)."""

    @property
    def out(self) -> str:
        """Standard output."""


class Runs(Protocol):
    """What is needed of a connection (``remote.Connection``)."""

    def run(self, script: str, *args: str, timeout: float) -> Ran:
        """Run a script on the node."""


class Connected(Protocol):
    """What is needed of a fleet (``remote.Fleet``)."""

    @property
    def connections(self) -> Mapping[int, Runs]:
        """Open connections by node number."""


def probe_arguments(profile: Profile | None, index: int = 0) -> tuple[str, ...]:
    """Return the script's arguments for one node; without a profile only what needs none."""
    if profile is None:
        return ("mount=/opt/data",)
    peers = [node.ip for i, node in enumerate(profile.nodes) if i != index]
    return (
        f"mount={profile.container.data_mount}",
        f"model={profile.model_path(index)}",
        f"model_inside={profile.inside(profile.model_path(index))}",
        f"container={profile.container.name}",
        f"image={profile.container.image}",
        f"devices={','.join(str(d) for d in profile.container.devices)}",
        f"peers={','.join(peers)}",
    )


@dataclass(frozen=True)
class Look:
    """One look at a node: the script's output as it came, and when it was asked for.

    ``before`` and ``after`` are this machine's seconds since 1970 around the run.
    """

    text: str
    before: float
    after: float

    @property
    def facts(self) -> NodeFacts:
        """The typed facts, with the clock's offset worked out."""
        return timed(parse_probe(self.text), self.before, self.after)


def look(
    connection: Runs, profile: Profile | None = None, index: int = 0, *, limit: float = LIMIT_S
) -> Look:
    """Ask one node once; raises what the connection raises (RemoteError), nothing else.

    ``limit`` is seconds any single probe may take: the whole is over within a second more.
    """
    args = probe_arguments(profile, index)
    before = time.time()
    answer = connection.run(probe_script(), f"limit={limit:g}", *args, timeout=limit + NETWORK_S)
    return Look(answer.out, before, time.time())


def look_again(
    connection: Runs,
    first: Look,
    slow: Sequence[str],
    profile: Profile | None = None,
    index: int = 0,
    *,
    limit: float = PATIENT_S,
) -> Look:
    """Ask once more, with more patience, for the probes that hit their limit; the rest stays."""
    names = sorted({FOLLOWING.get(n, n) for n in slow})
    if not names:
        return first
    args = (*probe_arguments(profile, index), f"only={','.join(names)}")
    answer = connection.run(probe_script(), f"limit={limit:g}", *args, timeout=limit + NETWORK_S)
    return replace(first, text=f"{first.text}\n{answer.out}")


def probe(
    connection: Runs,
    profile: Profile | None = None,
    index: int = 0,
    *,
    limit: float = LIMIT_S,
    patient: bool = False,
) -> NodeFacts:
    """Look at one node; raises what the connection raises (RemoteError), nothing else.

    ``limit`` is seconds a probe may take. With ``patient``, probes that hit it are asked once more
    with :data:`PATIENT_S`; what is slow even then stays in ``timed_out``.
    """
    seen = look(connection, profile, index, limit=limit)
    facts = seen.facts
    if patient and facts.timed_out:
        facts = look_again(connection, seen, facts.timed_out, profile, index).facts
    return facts


def timed(facts: NodeFacts, before: float, after: float) -> NodeFacts:
    """Work out the node's clock offset, as NTP does: what the script did not take was the way.

    ``before`` and ``after`` are this machine's seconds since 1970 around the run.
    """
    clock = facts.clock
    if clock.start_ns is None or clock.end_ns is None:
        return facts
    started, ended = clock.start_ns / 1e9, clock.end_ns / 1e9
    way = max(0.0, (after - before) - (ended - started))
    offset = (started + ended) / 2 - (before + after) / 2
    return replace(facts, clock=replace(clock, offset_s=offset, uncertainty_s=way / 2))


def probe_all(
    fleet: Connected, profile: Profile, *, limit: float = LIMIT_S, patient: bool = False
) -> tuple[dict[int, NodeFacts], dict[int, UserError]]:
    """Look at all connected nodes side by side; returns (facts, failures), by node number."""
    return side_by_side(
        fleet.connections,
        lambda i, connection: probe(connection, profile, i, limit=limit, patient=patient),
    )


def look_all(
    fleet: Connected, profile: Profile, *, limit: float = LIMIT_S
) -> tuple[dict[int, Look], dict[int, UserError]]:
    """As :func:`probe_all`, but with the raw looks, so that what was slow can be asked again."""
    return side_by_side(fleet.connections, lambda i, c: look(c, profile, i, limit=limit))


def side_by_side(
    connections: Mapping[int, Runs], work: Callable[[int, Runs], T]
) -> tuple[dict[int, T], dict[int, UserError]]:
    """Do the same work on every node at once, on daemon threads; (results, failures) by number.

    Bounded because every ``run`` is: the work must not wait for anything else. An exception that
    is not a UserError is a bug and is raised here, after all nodes are through.
    """
    results: dict[int, T] = {}
    failures: dict[int, UserError] = {}
    bugs: list[BaseException] = []

    def one(index: int, connection: Runs) -> None:
        try:
            results[index] = work(index, connection)
        except UserError as error:
            failures[index] = error
        except BaseException as error:
            bugs.append(error)

    threads = [
        threading.Thread(target=one, args=item, daemon=True, name=f"node{item[0]}")
        for item in connections.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if bugs:
        raise bugs[0]
    return dict(sorted(results.items())), dict(sorted(failures.items()))
