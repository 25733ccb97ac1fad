"""From sightings to first causes: which message is the answer, which only its echo.

The rules, in their order:

1. A secondary or harmless message is never an answer; neither is one that did not last as long as
   its entry asks for, or stands alone where another must confirm it.
2. What the service outlived explains nothing: a message from before ``Application startup
   complete`` of the same run is a note.
3. An entry that names another as its cause, seen too, is that one's consequence.
4. A rank that says "somebody did not answer" (``peer``) yields to a cause that lies where it
   stands (``self``) in another process or on another node, if that came before it: the clocks of
   the nodes may differ, so a little later is still before.
5. A message that says little (``generic``) yields to every other one.
6. In one process the first cause counts: what fails after it, fails because of it. Causes of
   different processes and nodes stand apart.
7. Of several echoes of one death, the earliest and most telling one is the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from glm47_tui.diagnose.catalog import CERTAINTIES, Catalog, Entry
from glm47_tui.diagnose.report import Cause, Place
from glm47_tui.diagnose.sightings import Run, Sight

LATER = 120.0
"""Seconds by which a cause on another node may seem to come after its echo: clocks differ."""
_LATER_HERE = 5.0
"""The same for another process of the same node: one clock, but lines are written late."""
_MARGIN = 2.0
"""Seconds within which the order of stamps says nothing; the surer message goes first then."""
_ONE_ERROR = 60
"""Lines one error may take in a log."""
_ALSO = 7
_RANK = {"self": 0, "peer": 1, "generic": 2}


@dataclass
class Found:
    """One entry over all nodes: the sighting that came first, and the others."""

    entry: Entry
    place: Place
    time: float | None
    """Stamp of ``place`` by the common clock (skew taken off)."""
    order: tuple[int, int]
    """Place in the order of reading, for lines without stamps."""
    values: dict[str, str]
    count: int
    others: list[Place] = field(default_factory=list)
    explains: list[str] = field(default_factory=list)

    @property
    def rank(self) -> int:
        """0 self, 1 peer, 2 generic."""
        return _RANK[self.entry.blames]


def judge(
    catalog: Catalog, runs: Iterable[tuple[str, Run]], skew: Mapping[str, float]
) -> tuple[tuple[Cause, ...], tuple[Cause, ...]]:
    """Return (causes, notes) of the runs of all nodes, given as (node, run).

    ``skew`` says by how many seconds a node's clock is ahead of the common one.
    """
    listed = list(runs)
    serving = _serving(listed, skew)
    found: dict[str, Found] = {}
    notes: list[Found] = []
    for order, (node, run) in enumerate(listed):
        for sight in run.sights.values():
            one = _one(sight, node, order, skew)
            if sight.entry.kind == "info":
                notes.append(one)
            elif sight.repeated and not _outlived(one, run, serving):
                found[sight.entry.id] = _merge(found.get(sight.entry.id), one)
    seen = set(found)
    notes += [found.pop(i) for i in list(found) if _unconfirmed(found[i].entry, seen)]
    causes = _Judgement(found).roots()
    return tuple(_cause(c) for c in causes), tuple(_cause(n) for n in _unique(notes, causes))


def _one(sight: Sight, node: str, order: int, skew: Mapping[str, float]) -> Found:
    place = sight.longest_start if sight.entry.repeat and sight.longest_start else sight.first
    time = None if place.time is None else place.time - skew.get(node, 0.0)
    places = sorted(sight.by_process.values(), key=lambda p: p.line)
    others = [p for p in places if p.process != place.process]
    where = (order, place.line)
    return Found(sight.entry, place, time, where, dict(sight.values), sight.count, others)


def _merge(one: Found | None, two: Found) -> Found:
    if one is None:
        return two
    first, second = (one, two) if _before(one, two) else (two, one)
    others = [*first.others, second.place, *second.others]
    values = {**second.values, **first.values}
    return replace(
        first,
        values=values,
        count=one.count + two.count,
        others=others[: 2 * _ALSO],
    )


def _before(one: Found, two: Found) -> bool:
    if one.time is None or two.time is None:
        return one.order <= two.order
    return (one.time, one.order) <= (two.time, two.order)


def _serving(runs: list[tuple[str, Run]], skew: Mapping[str, float]) -> float | None:
    """When the head said that it serves, by the common clock; None when it never did."""
    times = [
        run.serving.time - skew.get(node, 0.0)
        for node, run in runs
        if run.serving and run.serving.time is not None and not run.phases.headless
    ]
    return max(times, default=None)


def _outlived(one: Found, run: Run, serving: float | None) -> bool:
    if not one.entry.fatal and one.entry.found_by == "log" and not one.entry.repeat:
        return False
    if run.serving is not None and not run.phases.headless:
        return one.place.line < run.serving.line
    known = one.time is not None and one.place.exact
    return known and serving is not None and one.time < serving - _MARGIN  # type: ignore[operator]


def _unconfirmed(entry: Entry, seen: set[str]) -> bool:
    return bool(entry.confirmed_by) and not any(other in seen for other in entry.confirmed_by)


class _Judgement:
    """The first causes among all that was found; the rest becomes their consequences."""

    def __init__(self, found: Mapping[str, Found]) -> None:
        self.open = {i: f for i, f in found.items() if f.entry.kind == "primary"}
        self.secondary = [i for i, f in found.items() if f.entry.kind == "secondary"]
        self.echoes: dict[str, str] = {}
        times = [f.time for f in self.open.values() if f.time is not None]
        self._begin = min(times, default=0.0)

    def roots(self) -> list[Found]:
        """Return the causes, the likeliest first, each with the ids it explains."""
        for id_, one in self.open.items():
            named = [o for o in one.entry.secondary_to if o in self.open]
            if named:
                self.echoes[id_] = named[0]
        for id_, one in self.open.items():
            if id_ not in self.echoes and (cause := self._yields_to(one)):
                self.echoes[id_] = cause
        roots = [f for i, f in self.open.items() if i not in self.echoes]
        if not roots and self.open:  # entries that name each other in a ring
            roots = [min(self.open.values(), key=self._key)]
            self.echoes.pop(roots[0].entry.id)
        for id_ in self.echoes:
            self._root(id_).explains.append(id_)
        roots.sort(key=self._key)
        if roots and roots[0].entry.fatal:
            roots[0].explains.extend(self.secondary)
        return roots

    def _root(self, id_: str) -> Found:
        passed: set[str] = set()
        while id_ in self.echoes and id_ not in passed:
            passed.add(id_)
            id_ = self.echoes[id_]
        return self.open[id_]

    def _yields_to(self, one: Found) -> str | None:
        causes = [
            f
            for i, f in self.open.items()
            if f is not one
            and i not in self.echoes
            and (f.entry.fatal or not one.entry.fatal)
            and self._explains(f, one)
        ]
        return min(causes, key=self._key).entry.id if causes else None

    def _explains(self, cause: Found, one: Found) -> bool:
        if cause.rank > one.rank:
            return False
        if cause.rank < one.rank:
            return _came_before(cause, one)
        if cause.rank == 0:  # two causes, each where it stands: one process dies of the first alone
            fatal = cause.entry.fatal and one.entry.fatal
            return fatal and _same_process(cause, one) and cause.order < one.order
        return self._key(cause) < self._key(one)

    def _key(self, f: Found) -> tuple[object, ...]:
        """A total order, so that two entries never explain each other."""
        late = f.time if f.time is not None else self._begin
        return (
            not f.entry.fatal,
            f.rank if f.entry.fatal else 0,
            (late - self._begin) // _MARGIN,
            CERTAINTIES.index(f.entry.certainty),
            late,
            f.order,
            f.entry.id,
        )


def _came_before(cause: Found, one: Found) -> bool:
    if _same_process(cause, one) and cause.place.file == one.place.file:
        # One error speaks on several lines, and the telling one need not be the first.
        return cause.place.line <= one.place.line + _ONE_ERROR
    if cause.time is None or one.time is None or not one.place.exact:
        return True  # nobody knows the order
    near = cause.place.node == one.place.node
    return cause.time <= one.time + (_LATER_HERE if near else LATER)


def _same_process(one: Found, two: Found) -> bool:
    if one.place.node != two.place.node:
        return False
    names = [f.place.process.rpartition("pid=")[2] for f in (one, two)]
    return names[0] == names[1] and (bool(names[0]) or one.place.file == two.place.file)


def _unique(notes: list[Found], causes: list[Found]) -> list[Found]:
    taken = {c.entry.id for c in causes}
    merged: dict[str, Found] = {}
    for note in notes:
        if note.entry.id not in taken:
            merged[note.entry.id] = _merge(merged.get(note.entry.id), note)
    return sorted(merged.values(), key=lambda f: f.order)


def _cause(f: Found) -> Cause:
    entry = f.entry
    return Cause(
        entry=entry.id,
        title=entry.say("title", f.values),
        cause=entry.say("cause", f.values),
        fix=entry.say("fix", f.values),
        command=entry.say_command(f.values),
        certainty=entry.certainty,
        place=f.place,
        count=f.count,
        values=f.values,
        refs=entry.refs,
        consequences=tuple(dict.fromkeys(f.explains)),
        also=tuple(f.others[:_ALSO]),
    )
