"""What the checks judge: facts of all nodes, and what trying out the networks showed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node import NodeFacts

Way = Literal["open", "refused", "timeout", "unreachable", "stranger", "held", "deaf", "failed"]
"""What became of one try to reach a TCP port of another node.

``open``: our own listener answered. ``refused``: the host answered with a reset. ``timeout``: no
answer at all (a filter that drops). ``unreachable``: no route, or a filter that rejects.
``stranger``: somebody else answered (two machines with one address, a proxy). ``held``: the port
is in use there, so it was left alone. ``deaf``: nothing on that node could listen. ``failed``:
the try itself went wrong.
"""

PortUse = Literal["api", "rpc", "hccl", "random"]
"""What a port is for: the HTTP API, vLLM's data-parallel handshake, HCCL's host ports, or any
port at all (vLLM's data parallel picks several by itself)."""


@dataclass(frozen=True)
class Reach:
    """One try to reach ``port`` of node ``target`` from node ``source``; ``millis`` it took."""

    source: int
    target: int
    port: int
    use: PortUse
    way: Way
    millis: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Ping:
    """One ``hccn_tool -ping`` from an NPU of node ``source`` to an NPU of node ``target``.

    ``ok`` None: not tried or no verdict; ``detail`` says why, in the tool's words or as one of
    ``no_address``, ``no_tool``, ``no_time``.
    """

    source: int
    source_npu: int
    target: int
    target_npu: int
    address: str = ""
    ok: bool | None = None
    lost_percent: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything a run of the checks is judged by. Facts by node number.

    ``failures`` are nodes that could not be looked at. ``reach_tried`` and ``pings_tried`` tell an
    empty result from a part that was left out (one node only, or asked for facts alone).
    ``at`` is seconds since 1970 when gathering ended, ``seconds`` how long it took.
    """

    facts: Mapping[int, NodeFacts] = field(default_factory=dict)
    failures: Mapping[int, Exception] = field(default_factory=dict)
    reach: tuple[Reach, ...] = ()
    reach_tried: bool = False
    pings: tuple[Ping, ...] = ()
    pings_tried: bool = False
    at: float = 0.0
    seconds: float = 0.0

    def failure(self, node: int) -> UserError | None:
        """Return why a node could not be looked at, where that is an error with words."""
        error = self.failures.get(node)
        return error if isinstance(error, UserError) else None


@dataclass(frozen=True)
class Gathering:
    """Progress of :func:`gather`: ``part`` is ``probe``, ``again``, ``reach`` or ``hccn``.

    ``done`` tells that the part is over for that node (``node`` None: for all); ``limit_s`` how
    long it can take at most.
    """

    part: str
    node: int | None
    note: Msg
    done: bool = False
    limit_s: float | None = None


Tell = Callable[[Gathering], None]
