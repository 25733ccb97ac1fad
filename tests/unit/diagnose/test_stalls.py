"""Who waits for whom, since when."""

from __future__ import annotations

import pytest

from glm47_tui.diagnose import Diagnoser, PhaseSeen, Stall, StallWatch
from glm47_tui.i18n import LANGUAGES, set_language, t

from .worlds import EPOCH, Node, pair, together

WAITING = PhaseSeen("waiting_peer")


def watch(*events: tuple[float, str, PhaseSeen]) -> StallWatch:
    stalls = StallWatch(("node0", "node1"))
    for at, node, seen in events:
        stalls.phase(node, seen, at)
    return stalls


def one(stalls: tuple[Stall, ...], node: str) -> Stall:
    (found,) = [s for s in stalls if s.node == node]
    return found


def weights(fraction: float, detail: str = "42/93") -> PhaseSeen:
    return PhaseSeen("weights", fraction, detail)


def test_node0_waits_for_a_node_that_was_never_started() -> None:
    stalls = watch((0, "node0", WAITING))
    assert stalls.stalls(30) == ()
    stall = one(stalls.stalls(200), "node0")
    assert (stall.phase, stall.waits_for, stall.since_s) == ("waiting_peer", "node1", 200)
    assert "3 min 20 s" in t(stall.text)
    assert "no log line" in t(stall.text)


def test_both_wait_and_node1_says_when_it_gives_up() -> None:
    stalls = watch((0, "node0", WAITING), (10, "node1", WAITING))
    found = stalls.stalls(70)
    assert one(found, "node0").waits_for == "node1"
    assert "rpc port" in t(one(found, "node0").text)
    worker = one(found, "node1")
    assert worker.waits_for == "node0"
    assert "gives up in 4 min 0 s" in t(worker.text)


def test_a_node_that_has_only_begun_to_start_does_not_wait_yet() -> None:
    """Seen on a busy lab: its first lines tell no phase, for a minute and longer."""
    stalls = watch((0, "node0", WAITING))
    stalls.heard("node1", 65)
    stall = one(stalls.stalls(70), "node0")
    assert stall.waits_for == "node1"
    assert "behind: starting" in t(stall.text) and "rpc port" not in t(stall.text)


def test_a_node_that_ended_is_waited_for_in_vain() -> None:
    stalls = watch((0, "node0", WAITING), (5, "node1", PhaseSeen("gone")))
    stall = one(stalls.stalls(60), "node0")
    assert stall.waits_for == "node1"
    assert "55 s ago" in t(stall.text)
    assert stalls.stalls(10) == ()


def test_a_service_whose_peer_ended_does_not_notice() -> None:
    serving = PhaseSeen("serving")
    stalls = watch((0, "node0", serving), (5, "node1", PhaseSeen("gone")))
    stall = one(stalls.stalls(60), "node0")
    assert (stall.phase, stall.waits_for) == ("serving", "node1")
    assert stalls.stalls(10) == (), "node0 may be about to follow"
    assert one(stalls.stalls(5, final=True), "node0").waits_for == "node1"


def test_hccl_that_does_not_connect() -> None:
    joined = PhaseSeen("starting", None, "rank 0 of 16")
    stalls = watch((0, "node0", joined), (0, "node1", joined))
    assert stalls.stalls(60) == ()
    assert "HCCL" in t(one(stalls.stalls(100), "node0").text)


def test_weights_that_stand_still() -> None:
    stalls = watch((0, "node0", weights(0.1)), (0, "node1", weights(0.1)))
    stalls.phase("node0", weights(0.2), 280)
    assert [s.node for s in stalls.stalls(310)] == ["node1"]
    stall = one(stalls.stalls(310), "node1")
    assert (stall.phase, stall.waits_for) == ("weights", None)
    assert "42/93" in t(stall.text)
    assert "iostat" in stall.command


def test_weights_that_come_slowly() -> None:
    stalls = watch((0, "node0", weights(0.0)))
    for minute in range(1, 31):
        stalls.phase("node0", weights(minute * 0.01), minute * 60)
    stall = one(stalls.stalls(1800), "node0")
    assert "30%" in t(stall.text)
    assert "1 h 10 min to go" in t(stall.text)
    quick = watch((0, "node0", weights(0.0)), (400, "node0", weights(0.6)))
    assert quick.stalls(420) == ()


def test_a_node_that_is_through_waits_for_the_one_behind() -> None:
    stalls = watch((0, "node0", PhaseSeen("profiling")), (0, "node1", weights(0.3)))
    stalls.phase("node1", weights(0.5), 120)
    stall = one(stalls.stalls(130), "node0")
    assert stall.waits_for == "node1"
    assert "loading weights" in t(stall.text)


@pytest.mark.parametrize(
    ("phase", "limit"), [("profiling", 600), ("capture", 600), ("starting", 180)]
)
def test_long_silence_in_a_phase(phase: str, limit: float) -> None:
    stalls = watch((0, "node0", PhaseSeen(phase)), (0, "node1", PhaseSeen(phase)))
    assert stalls.stalls(limit - 1) == ()
    assert {s.node for s in stalls.stalls(limit + 1)} == {"node0", "node1"}


def test_a_service_that_serves_waits_for_nobody() -> None:
    serving = PhaseSeen("serving")
    assert watch((0, "node0", serving), (0, "node1", serving)).stalls(1e6) == ()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_case_has_its_words(lang: str) -> None:
    joined = PhaseSeen("starting", None, "rank 0 of 16")
    cases = [
        watch((0, "node0", WAITING)),
        watch((0, "node0", WAITING), (0, "node1", WAITING)),
        watch((0, "node0", WAITING), (0, "node1", PhaseSeen("gone"))),
        watch((0, "node0", PhaseSeen("serving")), (0, "node1", PhaseSeen("gone"))),
        watch((0, "node0", PhaseSeen("profiling")), (0, "node1", weights(0.3))),
        watch((0, "node0", joined), (0, "node1", joined)),
        watch((0, "node0", PhaseSeen("capture")), (0, "node1", PhaseSeen("capture"))),
        watch((0, "node0", PhaseSeen("starting"))),
    ]
    set_language(lang)
    try:
        stalls = [s for c in cases for s in c.stalls(4000)]
        stalls += watch((0, "node0", WAITING)).stalls(1, final=True)
        said = [words for s in stalls for words in (t(s.text), t(s.fix))]
    finally:
        set_language("en")
    assert len(said) >= 18
    assert not [words for words in said if "{" in words or "diagnose." in words]


def test_logs_alone_tell_a_stall() -> None:
    zero, _ = nodes = pair()
    together(nodes, Node.launch)
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0)
    diagnoser.feed("node0", zero.lines, "node0.log")
    report = diagnoser.report(now=EPOCH + 400.0)
    assert report.causes == ()
    assert [(s.node, s.phase) for s in report.stalls] == [("node0", "waiting_peer")]


def test_a_log_that_ends_with_the_wait_for_a_node_names_it() -> None:
    waiting = watch((0, "node0", WAITING), (0, "node1", PhaseSeen("starting")))
    assert waiting.stalls(1) == ()
    stall = one(waiting.stalls(1, final=True), "node0")
    assert stall.waits_for == "node1"
    assert "waits for node1" in t(stall.text)
    head = StallWatch(["node0"])
    head.phase("node0", WAITING, 0)
    alone = one(head.stalls(1, final=True), "node0")
    assert alone.waits_for is None
    assert "waits for the other nodes" in t(alone.text)


def test_two_logs_of_which_one_ends_early() -> None:
    zero, one_ = nodes = pair()
    together(nodes, Node.launch, Node.join, lambda n: n.weights(20))
    zero.weights(93)
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0)
    for node in (zero, one_):
        diagnoser.feed(node.name, node.lines, node.name)
    report = diagnoser.report()
    stall = one(report.stalls, "node1")
    assert stall.phase == "weights"
    assert [(p.node, p.phase) for p in report.phases] == [
        ("node0", "profiling"),
        ("node1", "weights"),
    ]
