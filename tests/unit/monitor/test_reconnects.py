"""Connections that break again and again, through a real jump host: nothing of them is left."""

from __future__ import annotations

import gc
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui.monitor import LinkState, Monitor
from glm47_tui.monitor import memory as memory_module
from glm47_tui.monitor import monitor as module
from glm47_tui.profile.store import loads
from glm47_tui.remote import Nobody, connect_one
from tests.support.sshd import Sshd, wait_until, why_not
from tests.unit.remote.conftest import profile_text

ROUNDS = 6
WIRE = "glm47_tui.remote.wire.Wire"


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sshd, Sshd]]:
    """A node and its jump host."""
    if reason := why_not():
        pytest.skip(reason)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with Sshd(tmp_path / "node") as node, Sshd(tmp_path / "jump") as jump:
        node.authorize(jump.login_key)
        yield node, jump


@pytest.fixture
def others() -> int:
    """Connections that tests before this one have left in some traceback."""
    return left()[WIRE]


@pytest.fixture
def monitor(
    hosts: tuple[Sshd, Sshd], others: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Monitor]:
    """A monitor that does not wait long before it tries again."""
    node, jump = hosts
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(memory_module, "TIDY_S", 0.0)
    known = tmp_path / "known_hosts"
    known.write_text(node.known_hosts_line() + jump.known_hosts_line())
    profile = loads(
        profile_text(
            [node.port], user=node.user, identity=jump.login_key, sudo=False, known_hosts=known,
            jump=f"{jump.user}@127.0.0.1:{jump.port}",
        )
    )  # fmt: skip
    made = Monitor(profile, lambda i: connect_one(profile, i, Nobody()), ask_ranks=False)
    made.start()
    yield made
    made.stop()


def left() -> Counter[str]:
    """Objects alive by their type: SSH's, and a command's patterns (Python keeps compiled ones)."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(f"{type(x).__module__}.{type(x).__name__}" for x in objects)
    ours = ("paramiko.", "glm47_tui.remote.")
    out = Counter({kind: n for kind, n in kinds.items() if kind.startswith(ours)})
    out["pattern"] = sum(isinstance(x, re.Pattern) and "@@ready" in repr(x) for x in objects)
    return out


@pytest.mark.parametrize("broken", ["node", "jump"])
def test_a_broken_connection_leaves_nothing_and_prints_no_traceback(
    hosts: tuple[Sshd, Sshd],
    others: int,
    monitor: Monitor,
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))
    victim = hosts[0] if broken == "node" else hosts[1]

    def read_since(when: float) -> bool:
        now = monitor.snapshot().nodes[0]
        up = now.link.state is LinkState.UP and now.link.since > when
        return up and (now.procs_at or 0) > now.link.since

    def cut(times: int) -> Counter[str]:
        for _ in range(times):
            wait_until(lambda: read_since(0), what="connected and read")
            since = monitor.snapshot().nodes[0].link.since
            victim.kill_sessions()
            wait_until(lambda since=since: read_since(since), what="connected and read again")
        wait_until(
            lambda: left()[WIRE] <= others + 2, what="only the node's and the jump host's are left"
        )
        return left()

    before = cut(2)
    more = cut(ROUNDS) - before
    # One or two objects may be on their way; what each connection leaves would be there six times.
    assert {kind: n for kind, n in more.items() if n >= ROUNDS} == {}
    assert raised == []
