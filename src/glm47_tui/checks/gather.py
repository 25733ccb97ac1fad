"""Gathering evidence: one pass a node for what can be read, the networks tried side by side.

The order is chosen so that nobody waits for nothing: all nodes are probed at once; then, again at
once, the networks are tried out and the probes that hit their limit are asked once more. At most
two commands run on a node at a time, so that a server with few sessions a connection suffices.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

from glm47_tui.checks import matrix, reach
from glm47_tui.checks.evidence import Evidence, Gathering, Ping, Reach, Tell
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node import Look, NodeFacts, look, look_again
from glm47_tui.node.probe import LIMIT_S, NETWORK_S, PATIENT_S, Runs, side_by_side
from glm47_tui.profile import Profile

T = TypeVar("T")


class Nodes(Protocol):
    """What is needed of a fleet (``remote.Fleet``)."""

    @property
    def connections(self) -> Mapping[int, Runs]:
        """Open connections by node number."""

    @property
    def failures(self) -> Mapping[int, Exception]:
        """Why the others could not be made."""


def gather(
    fleet: Nodes,
    profile: Profile,
    *,
    emit: Tell | None = None,
    facts: Mapping[int, NodeFacts] | None = None,
    looks: Mapping[int, Look] | None = None,
    only: Collection[str] | None = None,
    active: bool = True,
    cancel: threading.Event | None = None,
) -> Evidence:
    """Look at all nodes of a profile and try out what connects them; never raises for a node.

    ``facts`` spares the probing where it has just been done; ``looks`` too, and what was slow in
    them is asked once more. ``only`` names the checks or groups the evidence is for: networks that
    none of them speaks of are left alone, as are all with ``active`` False. ``cancel`` ends it
    after the part under way. ``emit`` hears what is waited for, on worker threads.

    Bounded: every part has a limit of its own (probes 2.2 s and once more 20 s, TCP 5 s and once
    more 10 s, NPU pings 60 s, and the way there and back).
    """
    began = time.monotonic()
    tell: Tell = emit or _silent
    failures: dict[int, Exception] = dict(fleet.failures)
    if facts is None and looks is None:
        looks, failed = _probe(fleet.connections, profile, tell)
        failures.update(failed)
    looks = looks or {}
    if facts is None:
        facts = {i: seen.facts for i, seen in looks.items()}
    known = dict(facts)
    stop = cancel or threading.Event()
    live = {i: c for i, c in fleet.connections.items() if i in known}
    reaching = active and len(live) > 1 and _wanted("reach", only)
    pinging = active and len(live) > 1 and _wanted("hccn", only, "hccn.ping")
    again = _Later(lambda: _patient(fleet.connections, profile, looks, known, tell))
    reached: tuple[Reach, ...] = ()
    pings: tuple[Ping, ...] = ()
    if reaching and not stop.is_set():
        reached = _reach(live, profile, known, tell)
    # The NPUs' addresses are needed for the pings: where they were slow, they are waited for.
    late = any("hccn" in f.timed_out for f in known.values())
    if pinging and not late and not stop.is_set():
        pings = _ping(live, profile, known, tell)
    known.update(again.result())
    if pinging and late and not stop.is_set():
        pings = _ping(live, profile, known, tell)
    evidence = Evidence(known, failures, reached, bool(reached), pings, bool(pings))
    return replace(evidence, at=time.time(), seconds=time.monotonic() - began)


def _wanted(group: str, only: Collection[str] | None, *checks: str) -> bool:
    """Whether what is asked for needs a group's evidence; ``checks`` are those of it that do."""
    if not only:
        return True
    return group in only or any(
        name in checks if checks else name.startswith(f"{group}.") for name in only
    )


class _Later:
    """Work on a daemon thread whose result is taken later; its mistakes are raised then."""

    def __init__(self, work: Callable[[], dict[int, NodeFacts]]) -> None:
        self._found: dict[int, NodeFacts] = {}
        self._bug: BaseException | None = None
        self._thread = threading.Thread(target=self._do, args=(work,), daemon=True, name="again")
        self._thread.start()

    def _do(self, work: Callable[[], dict[int, NodeFacts]]) -> None:
        try:
            self._found = work()
        except BaseException as error:
            self._bug = error

    def result(self) -> dict[int, NodeFacts]:
        self._thread.join(PATIENT_S + NETWORK_S + 5)
        if self._bug is not None:
            raise self._bug
        return self._found


def _silent(_: Gathering) -> None:
    return None


def _told(
    tell: Tell, part: str, note: Msg, limit: float, work: Callable[[int, Runs], T]
) -> Callable[[int, Runs], T]:
    """Wrap a node's work so that its begin and end are told."""

    def one(index: int, connection: Runs) -> T:
        tell(Gathering(part, index, note, limit_s=limit))
        try:
            return work(index, connection)
        finally:
            tell(Gathering(part, index, note, done=True, limit_s=limit))

    return one


def _probe(
    connections: Mapping[int, Runs], profile: Profile, tell: Tell
) -> tuple[dict[int, Look], dict[int, UserError]]:
    note = Msg.of("checks.gather.probe", limit=LIMIT_S)
    return side_by_side(
        connections,
        _told(tell, "probe", note, LIMIT_S + NETWORK_S, lambda i, c: look(c, profile, i)),
    )


def _patient(
    connections: Mapping[int, Runs],
    profile: Profile,
    looks: Mapping[int, Look],
    facts: Mapping[int, NodeFacts],
    tell: Tell,
) -> dict[int, NodeFacts]:
    """Ask once more for what hit its limit; a node that fails now keeps its first facts."""
    facts = dict(facts)
    slow = {i: facts[i].timed_out for i in looks if facts[i].timed_out and i in connections}
    if not slow:
        return {}
    names = ", ".join(sorted({n for names in slow.values() for n in names}))
    note = Msg.of("checks.gather.again", probes=names, limit=PATIENT_S)

    def work(index: int, connection: Runs) -> NodeFacts:
        return look_again(connection, looks[index], slow[index], profile, index).facts

    chosen = {i: connections[i] for i in slow}
    limit = PATIENT_S + NETWORK_S
    results, _ = side_by_side(chosen, _told(tell, "again", note, limit, work))
    return results


def _reach(
    connections: Mapping[int, Runs],
    profile: Profile,
    facts: Mapping[int, NodeFacts],
    tell: Tell,
) -> tuple[Reach, ...]:
    plan = reach.make_plan(profile, {i: facts[i] for i in connections})
    containers = {
        i: c.name
        for i in connections
        if (c := facts[i].container) is not None and c.running and c.network == "host"
    }

    def once(seconds: float) -> tuple[Reach, ...]:
        note = Msg.of("checks.gather.reach", limit=seconds)

        def work(index: int, connection: Runs) -> str:
            return reach.try_out(plan, index, connection, containers.get(index, ""), seconds)

        told = _told(tell, "reach", note, seconds + NETWORK_S, work)
        return reach.read_results(plan, side_by_side(connections, told)[0])

    first = once(reach.SECONDS)
    if all(r.way in ("open", "held", "deaf") for r in first):
        return first
    # A busy node may have been late: nothing is called closed that was not tried twice.
    return reach.merge(first, once(2 * reach.SECONDS))


def _ping(
    connections: Mapping[int, Runs],
    profile: Profile,
    facts: Mapping[int, NodeFacts],
    tell: Tell,
) -> tuple[Ping, ...]:
    wanted = matrix.pairs(profile, {i: facts[i] for i in connections})
    limit = max((matrix.whole_seconds(wanted, i) for i in connections), default=0)
    note = Msg.of("checks.gather.hccn", limit=limit)
    outputs, _ = side_by_side(
        connections,
        _told(tell, "hccn", note, limit + NETWORK_S, lambda i, c: matrix.ping_all(wanted, i, c)),
    )
    return matrix.read_pings(wanted, outputs)
