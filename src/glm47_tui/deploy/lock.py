"""One run at a time on a node: a lock with an owner and a heartbeat (``steps/lock.sh``)."""

from __future__ import annotations

import getpass
import os
import re
import secrets as random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from glm47_tui.deploy.errors import Halted, failed
from glm47_tui.deploy.events import Status
from glm47_tui.deploy.links import ONCE
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.survey import Part, State
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg

STAGE: Final = "lock"
BEAT_S: Final = 20.0
STALE_S: Final = 120
"""A lock without a heartbeat for so long is taken over: longer than a reconnection may take."""

_LIVE: Final[list[str]] = []
"""Owners of the runs that go on in this process; two that began in one second look alike."""

_OURS = re.compile(r"(\S+)@(\S+) pid (\d+) ")


def owner_words(verb: str) -> str:
    """Who we are, for the next one who asks: user@host, process, what, since when."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    host = socket.gethostname().split(".")[0] or "localhost"
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    safe = re.sub(r"[^A-Za-z0-9._+-]", "_", f"{user}")
    return f"{safe}@{re.sub(r'[^A-Za-z0-9._-]', '_', host)} pid {os.getpid()} {verb} since {since}"


def left_behind(who: str, mine: str = "") -> bool:
    """Whether the lock was left by a run of this machine that is over.

    A node that could not be reached at the end of a run keeps the run's lock. ``mine`` is what the
    run that asks is called: one that began in the same second as the former has the same name.
    """
    found = _OURS.match(who)
    if found is None or found[2] != owner_words("-").split("@")[1].split()[0]:
        return False
    if int(found[3]) == os.getpid():
        return _LIVE.count(who) <= (who == mine)
    try:
        os.kill(int(found[3]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def read_holder(state: State) -> tuple[int, str] | None:
    """Return (age of the heartbeat in seconds, who) of a lock that somebody holds."""
    held = state.fact("held")
    if held is None:
        return None
    age, _, who = held.partition(" ")
    return (int(age) if age.isdigit() else 0), who.strip() or "?"


class Locks:
    """The locks of one run on all its nodes."""

    def __init__(self, run: Run, verb: str) -> None:
        self._run = run
        self._who = owner_words(verb)
        self._token = random.token_hex(8)
        self._held: set[int] = set()
        self._taken: set[int] = set()
        self._over = threading.Event()
        _LIVE.append(self._who)

    def take(self, *, survey: Sequence[str], nodes: Sequence[Node] | None = None) -> None:
        """Take the lock on all nodes, node 0 first, and ask the steps of ``survey`` on the way.

        ``nodes``: only on these, the first of them first; a second call takes what the first did
        not get. Raises Trouble when somebody holds it; what was taken is to be given back by
        release().
        """
        wanted = self._run.nodes if nodes is None else nodes
        chosen = [node for node in wanted if node.index not in self._taken]
        head = threading.Event()
        head_ok: list[bool] = []

        def work(node: Node) -> None:
            self._run.bus.step(STAGE, node.index, Status.LOOKING)
            if node is not chosen[0]:
                # Two users who start at once meet at node 0: one of them gets all nodes.
                while not head.wait(0.05):
                    self._run.check()
                if not head_ok:
                    self._run.bus.step(STAGE, node.index, Status.SKIPPED)
                    return
                self._take(node, survey)
                return

            def taken() -> None:
                head_ok.append(True)
                head.set()

            try:
                self._take(node, survey, on_taken=taken)
            finally:
                head.set()

        self._run.each(STAGE, work, chosen)
        threading.Thread(target=self._beat, name="deploy-lock", daemon=True).start()

    def _take(
        self,
        node: Node,
        survey: Sequence[str],
        on_taken: Callable[[], None] | None = None,
        stale: int = STALE_S,
    ) -> None:
        def line(text: str) -> None:
            if text.startswith("@@ taken ") and on_taken is not None:
                on_taken()

        run = self._run
        args = ("take", self._token, str(stale), self._who)
        parts = [Part(STAGE, run.script(node, STAGE), args, first=True)]
        parts += [Part(step, run.script(node, step)) for step in survey]
        self._held.add(node.index)  # in doubt it is ours to give back: release asks for the token
        state = run.survey(node, parts, stage=STAGE, on_line=line).get(STAGE, State("unknown"))
        for text in state.lines:
            run.bus.log(node.index, STAGE, text)
        if state.fact("taken") == self._token:
            self._taken.add(node.index)
            run.bus.step(STAGE, node.index, Status.PRESENT)
            return
        holder = read_holder(state)
        if holder is None:
            last = state.lines[-1] if state.lines else f"exit {state.code}"
            raise failed("lock_failed", folder=run.profile.base_dir, line=last)
        age, who = holder
        if stale == STALE_S and left_behind(who, self._who):
            self._take(node, survey, on_taken, stale=-1)
            return
        raise failed("locked", who=who, age=age, stale=STALE_S)

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            for node in self._run.nodes:
                if node.index not in self._held or self._over.is_set():
                    continue
                with suppress(UserError, Halted):  # the stage that runs meets the cut itself
                    result = self._run.call(
                        node, STAGE, "beat", self._token, stage=STAGE, timeout=15, quiet=True,
                        pauses=ONCE,
                    )  # fmt: skip
                    if result.ok and any(fact[0] == "lost" for fact in result.facts):
                        self._held.discard(node.index)
                        self._run.abort(failed("lock_lost", node=node.name))

    def release(self) -> None:
        """Give back what is held; a node that cannot be reached frees itself when it is stale."""
        self._over.set()

        def work(node: Node) -> None:
            try:
                self._run.call(
                    node,
                    STAGE,
                    "release",
                    self._token,
                    stage=STAGE,
                    timeout=20,
                    tries=2,
                    quiet=True,
                    pauses=ONCE,
                )
            except (UserError, Halted):
                self._run.bus.log(
                    node.index, STAGE, str(Msg.of("deploy.lock.stays", seconds=STALE_S))
                )

        threads = [
            threading.Thread(target=work, args=(node,), name="deploy-release", daemon=True)
            for node in self._run.nodes
            if node.index in self._held
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._held.clear()
        with suppress(ValueError):
            _LIVE.remove(self._who)
