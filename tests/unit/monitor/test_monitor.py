"""The collectors' threads: what ends them, and what does not."""

from __future__ import annotations

import threading

import pytest

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.monitor import Monitor
from glm47_tui.monitor import monitor as module
from glm47_tui.profile import loads
from glm47_tui.remote.api import Connection
from tests.unit.profile.test_profile import ISSUE


def test_a_bug_in_a_collector_does_not_blind_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAULT_PAUSE_S", 0.01)
    tried = {0: 0, 1: 0}
    again = threading.Event()

    def connect(node: int) -> Connection:
        tried[node] += 1
        if tried[node] == 1:
            raise ZeroDivisionError
        if min(tried.values()) > 1:
            again.set()
        raise UserError(Msg.of("profile.not_found", word="x"))

    monitor = Monitor(loads(ISSUE), connect)
    monitor.start()
    assert again.wait(30)
    monitor.stop()
