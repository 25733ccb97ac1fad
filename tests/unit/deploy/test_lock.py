"""One run at a time, by the real script over a real connection."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from glm47_tui.deploy import lock as lock_module
from glm47_tui.deploy.errors import Halted, Trouble
from glm47_tui.deploy.lock import Locks, left_behind, owner_words
from glm47_tui.i18n import t
from tests.support.sshd import wait_until
from tests.unit.deploy.conftest import Place


def take(place: Place, verb: str = "deploy") -> Locks:
    locks = Locks(place.run(), verb)
    locks.take(survey=())
    return locks


def test_second_user_is_told_who_holds_it_since_when(place: Place) -> None:
    first = take(place)
    with pytest.raises(Trouble) as caught:
        take(place, "rollback")
    words = t(caught.value.error.what)
    assert f"pid {os.getpid()} deploy since 20" in words
    assert caught.value.node == 0
    first.release()
    take(place).release()
    assert not place.base.exists(), "a lock leaves nothing behind"


def test_the_loser_does_not_give_back_the_winners_lock(place: Place) -> None:
    first = take(place)
    second = Locks(place.run(), "deploy")
    with pytest.raises(Trouble):
        second.take(survey=())
    second.release()
    assert (place.base / "lock").is_dir()
    first.release()


def test_a_lock_without_heartbeat_is_taken_over(place: Place) -> None:
    take(place)
    (place.base / "lock" / "owner").write_text("token eve@far pid 1 deploy since yesterday\n")
    beat = place.base / "lock" / "beat"
    with pytest.raises(Trouble):
        take(place)
    old = beat.stat().st_mtime - lock_module.STALE_S - 5
    os.utime(beat, (old, old))
    take(place).release()


def test_a_lock_of_a_process_of_ours_that_is_gone_is_taken_over_at_once(place: Place) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    who = owner_words("deploy").replace(f"pid {os.getpid()} ", f"pid {gone} ")
    assert left_behind(who)
    take(place)
    (place.base / "lock" / "owner").write_text(f"token {who}\n")
    take(place).release()


@pytest.mark.parametrize("who", ["", "?", "eve@elsewhere pid 1 deploy since x", "root pid 1"])
def test_others_are_never_called_dead(who: str) -> None:
    assert not left_behind(who)


def test_a_run_of_this_process_holds_its_lock_until_it_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "_LIVE", [])  # other tests leave runs without an end
    first = take(place)
    for _ in range(2):
        second = Locks(place.run(), "deploy")
        with pytest.raises(Trouble):
            second.take(survey=())
        second.release()
    first._held.clear()  # as when the node is out of reach at the end
    first.release()
    assert (place.base / "lock").is_dir()
    take(place).release()  # of the same name, where it began in the same second
    assert not (place.base / "lock").exists()


def test_losing_the_lock_ends_the_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "BEAT_S", 0.05)
    run = place.run()
    locks = Locks(run, "deploy")
    locks.take(survey=())
    (place.base / "lock" / "owner").write_text("token eve@far pid 1 deploy since now\n")
    wait_until(run.halt.is_set, what="the heartbeat noticed")
    assert run.aborted is not None and run.aborted.what.id == "deploy.error.lock_lost"
    with pytest.raises(Halted):
        run.check()
    locks.release()
    assert (place.base / "lock").is_dir(), "it is not ours any more"


def test_the_heartbeat_moves(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "BEAT_S", 0.05)
    locks = take(place)
    beat = place.base / "lock" / "beat"
    os.utime(beat, (1, 1))
    wait_until(lambda: beat.stat().st_mtime > 1, what="a heartbeat")
    locks.release()


def test_states_of_the_steps_come_with_the_lock(place: Place) -> None:
    run = place.run()
    locks = Locks(run, "deploy")
    locks.take(survey=("workdir", "files", "model"))
    assert set(run.nodes[0].states) == {"workdir", "files", "model"}
    assert run.nodes[0].states["model"].word == "missing"
    locks.release()


def test_a_folder_that_cannot_be_made_is_said(place: Place) -> None:
    (place.data / "glm47-tui").write_text("in the way")
    with pytest.raises(Trouble) as caught:
        take(place)
    assert caught.value.error.what.id == "deploy.error.lock_failed"
    assert str(place.base) in t(caught.value.error.what)


def test_two_at_once_have_one_winner(place: Place) -> None:
    won: list[Locks] = []
    lost: list[Trouble] = []

    def run() -> None:
        locks = Locks(place.run(), "deploy")
        try:
            locks.take(survey=())
            won.append(locks)
        except Trouble as trouble:
            lost.append(trouble)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 3)
    won[0].release()
