"""Who waits for whom, since when, and what usually holds it.

The limits come from what vLLM 0.13.0 does: node 0 waits for the others without a limit and at
level DEBUG only; a headless node gives up after exactly five minutes (v1/engine/core.py,
HANDSHAKE_TIMEOUT_MINS); HCCL gives up connecting after 120 s unless told otherwise. The rest are
durations after which an engineer would look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glm47_tui.diagnose.phases import (
    CAPTURE,
    GONE,
    PROFILING,
    SERVING,
    STARTING,
    WAITING_PEER,
    WEIGHTS,
    PhaseSeen,
)
from glm47_tui.diagnose.report import Stall
from glm47_tui.i18n import Msg

HANDSHAKE_S = 300.0
"""A headless node waits this long for the head, then ends."""
_NOTICE = {
    STARTING: 180.0,
    WAITING_PEER: 60.0,
    WEIGHTS: 300.0,
    PROFILING: 600.0,
    CAPTURE: 600.0,
}
_JOINING = 90.0
_WORKER_WAITS = 30.0
_PEER_GONE = 20.0
_BEHIND = 120.0
_SLOW_LEFT = 3600.0
_ORDER = (STARTING, WAITING_PEER, WEIGHTS, PROFILING, CAPTURE, SERVING)
_COMMANDS = {
    "weights": "iostat -x 5 3",
    "weights_slow": "iostat -x 5 3",
    "profiling": "npu-smi info",
    "capture": "npu-smi info",
    "peer_behind": "npu-smi info",
}


@dataclass
class _Node:
    name: str
    seen: PhaseSeen | None = None
    entered: float = 0.0
    """When the phase began."""
    moved: float = 0.0
    """When it last got on within the phase."""
    begun_at: float = 0.0
    """The fraction it began the phase with."""
    heard: float | None = None

    @property
    def phase(self) -> str:
        return self.seen.phase if self.seen else ""


class StallWatch:
    """Fed with phases and signs of life of all nodes; says who is stuck.

    Times are seconds of one clock, the caller's own: when a line arrived, not its stamp. The
    first of ``nodes`` is the head.
    """

    def __init__(self, nodes: Sequence[str]) -> None:
        self._nodes = {name: _Node(name) for name in nodes}
        self._head = nodes[0] if nodes else ""

    def phase(self, node: str, seen: PhaseSeen, at: float) -> None:
        """A node entered a phase or got on within it."""
        known = self._nodes.setdefault(node, _Node(node))
        if known.phase != seen.phase or _joining(seen) != _joining(known.seen):
            known.entered = at
            known.begun_at = seen.fraction or 0.0
        known.seen, known.moved = seen, at
        self.heard(node, at)

    def heard(self, node: str, at: float) -> None:
        """A node's log got a line at ``at``."""
        self._nodes.setdefault(node, _Node(node)).heard = at

    def stalls(self, now: float, *, final: bool = False) -> tuple[Stall, ...]:
        """Return who is stuck at ``now``, in the order of the nodes; nobody while all is well.

        ``final``: nothing more will be heard (logs that were collected), so an engine that ended
        needs no grace in which the others might follow it.
        """
        grace = 0.0 if final else _PEER_GONE
        found = [s for node in self._nodes.values() for s in self._of(node, now, grace)]
        if final and not found:
            found += self._unsaid()
        return tuple(found)

    def _unsaid(self) -> Iterator[Stall]:
        """The head's log ends with its wait for the others: it says no more, however long it is."""
        head = self._nodes.get(self._head)
        if head is None or head.phase != WAITING_PEER:
            return
        others = [n for n in self._nodes.values() if n is not head]
        late = [n for n in others if n.phase in ("", STARTING, WAITING_PEER)]
        if late or not others:
            yield self._stall("waits_at_end", head, late[0] if late else None, 0.0)

    def _of(self, node: _Node, now: float, grace: float) -> Iterator[Stall]:
        if node.phase in ("", GONE):
            return
        others = [n for n in self._nodes.values() if n is not node]
        gone = [n for n in others if n.phase == GONE and now - n.moved >= grace]
        if gone:
            ago = now - gone[0].moved
            # The head of a running service does not notice that a remote engine is gone.
            case = "serving_alone" if node.phase == SERVING else "peer_gone"
            yield self._stall(case, node, gone[0], now - node.moved, time=_time(ago))
        elif node.phase == SERVING:
            return
        elif node.phase == WAITING_PEER:
            yield from self._waiting(node, others, now)
        elif behind := self._behind(node, others, now):
            said = Msg.of(f"diagnose.phase.{behind.phase}")
            yield self._stall("peer_behind", node, behind, now - node.moved, behind=said)
        else:
            yield from self._slow(node, now)

    def _waiting(self, node: _Node, others: Sequence[_Node], now: float) -> Iterator[Stall]:
        waited = now - node.entered
        if node.name == self._head:
            late = [n for n in others if n.phase in ("", STARTING, WAITING_PEER)]
            if waited < _NOTICE[WAITING_PEER] or (others and not late):
                return
            if not late:  # a log of the head alone: who the others are, nobody said
                yield self._stall("not_started", node, None, waited)
                return
            case = "both_wait" if late[0].phase == WAITING_PEER else "peer_behind"
            if late[0].phase == "" and late[0].heard is None:
                case = "not_started"
            behind = Msg.of(f"diagnose.phase.{late[0].phase or STARTING}")
            yield self._stall(case, node, late[0], waited, behind=behind)
        elif waited >= _WORKER_WAITS:
            head = self._nodes[self._head]
            left = _time(max(HANDSHAKE_S - waited, 0.0))
            yield self._stall("gives_up", node, head, waited, left=left)

    def _behind(self, node: _Node, others: Sequence[_Node], now: float) -> _Node | None:
        """The node that others wait for: the furthest behind, when this one has stood long."""
        if now - node.moved < _BEHIND:
            return None
        place = _ORDER.index(node.phase)
        slower = [n for n in others if n.phase in _ORDER and _ORDER.index(n.phase) < place]
        return min(slower, key=lambda n: _ORDER.index(n.phase), default=None)

    def _slow(self, node: _Node, now: float) -> Iterator[Stall]:
        stood = now - node.moved
        case = node.phase
        limit = _NOTICE[node.phase]
        if _joining(node.seen):
            case, limit = "joining", _JOINING
        if stood >= limit:
            detail = node.seen.detail if node.seen else ""
            yield self._stall(case, node, None, stood, detail=detail or "-")
        elif node.phase == WEIGHTS:
            yield from self._weights(node, now)

    def _weights(self, node: _Node, now: float) -> Iterator[Stall]:
        fraction = node.seen.fraction if node.seen else None
        spent = node.moved - node.entered
        gained = (fraction or 0.0) - node.begun_at
        if fraction is None or gained <= 0 or now - node.entered < _NOTICE[WEIGHTS]:
            return
        left = spent / gained * (1 - fraction) - (now - node.moved)
        if left > _SLOW_LEFT:
            said = {"percent": f"{fraction:.0%}", "left": _time(left)}
            yield self._stall("weights_slow", node, None, now - node.entered, **said)

    def _stall(
        self, case: str, node: _Node, peer: _Node | None, since: float, **more: object
    ) -> Stall:
        name = peer.name if peer else ""
        values = {
            "node": node.name,
            "peer": name or Msg.of("diagnose.label.others"),
            "time": _time(since),
            "phase": Msg.of(f"diagnose.phase.{node.phase}"),
            **more,
        }
        return Stall(
            node=node.name,
            phase=node.phase,
            waits_for=name or None,
            since_s=since,
            text=Msg(f"diagnose.stall.{case}.text", values),
            fix=Msg(f"diagnose.stall.{case}.fix", values),
            command=_COMMANDS.get(case, ""),
        )


def _joining(seen: PhaseSeen | None) -> bool:
    """True between the meeting of the nodes and the first weight: HCCL connects the NPUs."""
    return seen is not None and seen.phase == STARTING and seen.detail.startswith("rank ")


def _time(seconds: float) -> Msg:
    whole = int(seconds)
    if whole < 60:
        return Msg.of("diagnose.duration.seconds", s=whole)
    if whole < 3600:
        return Msg.of("diagnose.duration.minutes", m=whole // 60, s=whole % 60)
    return Msg.of("diagnose.duration.hours", h=whole // 3600, m=whole % 3600 // 60)
