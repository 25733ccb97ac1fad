"""All nodes of a profile side by side."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable

from glm47_tui.i18n import Msg
from glm47_tui.profile.model import Profile
from glm47_tui.remote.api import Ask, Connection, Fleet, NoteSink
from glm47_tui.remote.connection import SshConnection
from glm47_tui.remote.deadline import Deadline
from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.hosts import HOPS, Target, log_in
from glm47_tui.remote.vault import Asker

_AT_A_TIME = 32


def target_of(profile: Profile, index: int) -> Target:
    """Where a node is, and how to log in there."""
    spec = profile.node_ssh(index)
    return Target(profile.nodes[index].host, spec.port, spec)


def connect_node(
    profile: Profile, index: int, ask: Ask, *, on_note: NoteSink | None = None
) -> Connection:
    """See ``remote.connect_one``."""
    name = profile.node_name(index)
    target = target_of(profile, index)
    jump = target.jump()

    def note(message: Msg) -> None:
        if on_note is not None:
            on_note(name, message)

    deadline = Deadline(profile.limits.connect_s)
    asker = Asker(ask, name, deadline)
    try:
        if jump is None:
            return SshConnection(name, target, log_in(target, asker, note, None), ask)
        wire, give_back = HOPS.take(jump, Asker(ask, "jump", deadline), note)
        try:
            logged_in = log_in(target, asker, note, wire)
        except BaseException:
            give_back()
            raise
        return SshConnection(name, target, logged_in, ask, give_back)
    except RemoteError as error:
        mine = copy.copy(error)  # several nodes may share the failure of their jump host
        mine.node = name
        raise mine from None
    except Exception as error:  # nothing of paramiko's leaves this room
        detail = type(error).__name__
        raise RemoteError("internal", node=name, where=target.where, detail=detail) from error


def connect_all(
    profile: Profile, ask: Ask, *, only: Iterable[int] | None, on_note: NoteSink | None
) -> Fleet:
    """See ``remote.connect``."""
    wanted = range(len(profile.nodes)) if only is None else sorted(set(only))
    fleet = Fleet()
    room = threading.BoundedSemaphore(_AT_A_TIME)
    lock = threading.Lock()

    def work(index: int) -> None:
        with room:
            try:
                connection = connect_node(profile, index, ask, on_note=on_note)
            except Exception as error:
                with lock:
                    fleet.failures[index] = error
            else:
                with lock:
                    fleet.connections[index] = connection

    threads = [
        threading.Thread(target=work, args=(i,), name=f"ssh-connect-{i}", daemon=True)
        for i in wanted
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fleet.connections = dict(sorted(fleet.connections.items()))
    fleet.failures = dict(sorted(fleet.failures.items()))
    return fleet
