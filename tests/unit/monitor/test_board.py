"""State, events, history, logs and recordings of the monitor."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from glm47_tui.errors import UserError
from glm47_tui.monitor import LogStore, Player, Recorder, Ring, Thresholds, WatchEvent, Weight, thin
from glm47_tui.monitor.board import Board
from glm47_tui.monitor.feed import LogFeed
from glm47_tui.monitor.logs import brief, level_of, stamp_of
from glm47_tui.monitor.state import Link, LinkState

SAMPLES = Path(__file__).parents[1] / "node" / "samples"
IDLE = (SAMPLES / "npu_smi_910B2x8_idle_25.2.0_issue3906.txt").read_text()


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def frame(text: str = IDLE, interval: float = 1.0, took_ms: int = 100) -> list[str]:
    body = [f" {line}" for line in text.splitlines()]
    return [f"@@ npu 1.0 0 {took_ms} {interval}", *body, "@@ end"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(["node0", "node1"], ["10.77.0.10", "10.77.0.11"], clock=clock)


def kinds(board: Board) -> list[str]:
    return [event.kind for event in board.snapshot().events]


def test_every_number_has_an_age_and_goes_stale_after_three_intervals(
    board: Board, clock: Clock
) -> None:
    assert board.snapshot().nodes[0].stale(clock.now)
    board.reader(0).feed(frame())
    node = board.snapshot().nodes[0]
    assert node.age(clock.now) == 0
    assert not node.stale(clock.now + 3.0)
    assert node.stale(clock.now + 3.1)


def test_a_slow_npu_smi_is_given_its_time(board: Board, clock: Clock) -> None:
    board.reader(0).feed(frame(took_ms=5000))
    node = board.snapshot().nodes[0]
    assert not node.stale(clock.now + 14)
    assert node.stale(clock.now + 16)


def test_events_are_edges(board: Board) -> None:
    alarm = IDLE.replace("| OK            | 94.2 ", "| Alarm         | 94.2 ")
    for text in (IDLE, alarm, alarm, IDLE, IDLE, alarm):
        board.reader(1).feed(frame(text))
    assert kinds(board) == ["health", "health_back", "health"]
    event = board.snapshot().events[0]
    assert (event.node, event.weight) == (1, Weight.CRITICAL)
    assert event.what.args["npu"] == 0


def test_hbm_and_temperature_have_hysteresis(clock: Clock) -> None:
    board = Board(["n"], ["a"], clock=clock, thresholds=Thresholds(hbm_pct=90, temp_c=60, back=5))
    full = IDLE.replace("3418 / 65536", "60000/ 65536")
    nearly = IDLE.replace("3418 / 65536", "57000/ 65536")
    for text in (full, nearly, full, IDLE):
        board.reader(0).feed(frame(text))
    assert kinds(board) == ["hbm", "hbm_back"]


def test_npu_smi_failing_and_coming_back(board: Board) -> None:
    broken = frame("npu-smi: command not found")
    board.reader(0).feed(broken)
    board.reader(0).feed(broken)
    board.reader(0).feed(frame())
    assert kinds(board) == ["npu_smi", "npu_smi_back"]


def test_processes_gone_are_named_together(board: Board) -> None:
    three = [" 1 VLLM::EngineCor S 10 1", " 2 VLLM::Worker_TP R 10 1", " 3 VLLM::Worker_TP R 10 1"]
    board.reader(0).feed(["@@ procs 1.0", *three, "@@ end"])
    board.reader(0).feed(["@@ procs 6.0", "@@ end"])
    event = board.snapshot().events[0]
    assert event.kind == "gone"
    assert event.what.args["names"] == "VLLM::EngineCor, 2 x VLLM::Worker_TP"


def test_lost_and_found_connection(board: Board) -> None:
    board.link(0, Link(LinkState.UP))
    board.link(0, Link(LinkState.RETRYING, attempt=1, error="cut"))
    board.link(0, Link(LinkState.RETRYING, attempt=2, error="cut"))
    board.link(0, Link(LinkState.UP, attempt=0))
    assert kinds(board) == ["link_lost", "link_back"]


def test_history_keeps_fifteen_minutes(board: Board) -> None:
    for _ in range(3):
        board.reader(0).feed(frame())
    assert list(board.history(0, 0, "power", 10)) == pytest.approx([94.2] * 3)
    assert list(board.history(0, 0, "hbm", 10)) == pytest.approx([100 * 3418 / 65536] * 3)
    assert list(board.history(1, 0, "power", 10)) == []


def test_ring_wraps() -> None:
    ring = Ring(4)
    for value in range(6):
        ring.add(float(value))
    ring.add(None)
    assert len(ring) == 4
    last = ring.last(9)
    assert list(last[:3]) == [3.0, 4.0, 5.0]
    assert math.isnan(last[3])
    assert next(iter(ring.last(2))) == 5.0


def test_a_peak_survives_thinning() -> None:
    values = [0.0] * 900
    values[450] = 97.0
    thinned = thin(values, 20)
    assert len(thinned) == 20
    assert max(thinned) == 97.0


@pytest.mark.parametrize(
    ("line", "level", "stamp"),
    [
        ("INFO 01-12 10:53:02 [api_server.py:1351] hello", 1, "01-12 10:53:02"),
        ("(EngineCore_DP0 pid=123) ERROR 12-27 10:11:12 [core.py:1] x", 3, "12-27 10:11:12"),
        ("2026-01-12 10:53:02,113 - modelscope - WARNING - y", 2, "01-12 10:53:02"),
        ("[ERROR] HCCL(1,python):2026-01-12-10:53:02.123.456 [x]", 3, "01-12 10:53:02"),
        ("Traceback (most recent call last):", 3, ""),
        ("RuntimeError: boom", 3, ""),
        ("Loading safetensors checkpoint shards:  45% Completed | 42/93", None, ""),
    ],
)
def test_level_and_time_of_a_line(line: str, level: int | None, stamp: str) -> None:
    assert level_of(line) == level
    assert stamp_of(line) == stamp


def test_logs_are_merged_by_time_and_filtered() -> None:
    store = LogStore(2)
    store.feed(0, ["INFO 01-12 10:00:01 a", "ERROR 01-12 10:00:03 b", "  traceback of b"])
    store.feed(1, ["INFO 01-12 10:00:02 c", "INFO 01-12 10:00:04 d"])
    texts = [line.text[-1] for line in store.lines([0, 1])]
    assert texts == ["a", "c", "b", "b", "d"]
    assert [x.text for x in store.lines([0, 1], level=3)] == [
        "ERROR 01-12 10:00:03 b",
        "  traceback of b",
    ]
    assert [x.node for x in store.lines([0, 1], matches=lambda s: "d" in s)] == [1]
    assert store.first_error(0) == 2
    assert store.first_error(1) is None


def test_the_monitor_s_own_questions_are_left_out_while_they_are_answered() -> None:
    store = LogStore(1)
    chat = "POST /v1/chat/completions"
    own = [
        '"GET /metrics HTTP/1.1" 200 OK', '"GET /health HTTP/1.1" 200 OK',
        f'"{chat}?asked-by=glm47-tui-monitor HTTP/1.1" 200 OK',
    ]  # fmt: skip
    others = [
        '"GET /health HTTP/1.1" 503', f'"{chat} HTTP/1.1" 200 OK',
        f'"{chat}?asked-by=glm47-tui-monitor HTTP/1.1" 500 Internal Server Error',
    ]  # fmt: skip
    store.feed(0, [f"INFO:     127.0.0.1:9 - {x}" for x in (*own, *others)])
    feed = LogFeed(store, [0])
    feed.pull()
    assert [line.text.partition(" - ")[2] for line in feed.lines] == others


@pytest.mark.parametrize(
    ("line", "short"),
    [
        (
            "(EngineCore_DP0 pid=9) INFO 01-12 10:53:02 [core.py:1] ready",
            "EngineCore_DP0 10:53:02 ready",
        ),
        ("(Worker_DP1_TP7_EP15 pid=9) Capturing ACL graphs", "DP1_TP7_EP15 Capturing ACL graphs"),
        (
            '(APIServer pid=9) INFO:     127.0.0.1:1 - "GET /"',
            'APIServer 127.0.0.1:1 - "GET /"',
        ),
        ("(APIServer pid=9) Traceback (most recent", "APIServer Traceback (most recent"),
        ("INFO 01-12 10:53:02 [core.py:1] ready", "INFO 01-12 10:53:02 [core.py:1] ready"),
        (
            "(APIServer pid=9) ERROR 01-12 10:53:02 [core.py:1] no memory",
            "APIServer 10:53:02 ERROR no memory",
        ),
        ("(see pid=9) no process", "see no process"),
        ("anything (else pid=9) at all", "anything (else pid=9) at all"),
        ("", ""),
    ],
)
def test_a_narrow_log_has_process_time_and_words(line: str, short: str) -> None:
    assert brief(line) == short


def test_lines_are_shown_by_a_pull_alone_however_often_they_were_looked_at() -> None:
    store = LogStore(2)
    feed = LogFeed(store, [0, 1], level=2)
    said: list[int] = []
    for i in range(6):
        store.feed(i % 2, [f"INFO 11-25 10:00:0{i} quiet", f"WARNING 11-25 10:00:0{i} number {i}"])
        shown = list(feed.lines)
        feed.read()
        assert feed.lines == shown
        if i % 3 == 2:
            said.append(feed.pull())
    assert said == [3, 3] and feed.pull() == 0
    assert [line.text[-1] for line in feed.lines] == list("012345")


def test_a_line_as_long_as_a_prompt_does_not_fill_memory() -> None:
    store = LogStore(1)
    store.feed(0, ["short", "x" * 1_000_000])
    short, long = store.raw(0, 2)
    assert short == "short"
    assert len(long) < 5000
    assert long.endswith(" [...]")


def test_memory_is_bounded_and_numbers_go_on() -> None:
    store = LogStore(1, keep=10)
    store.feed(0, [f"line {i}" for i in range(100)])
    lines = store.lines([0])
    assert [line.number for line in lines] == list(range(91, 101))
    assert store.count(0) == 100


def recording(file: Path) -> None:
    head = {"names": ["node0"], "addresses": ["10.77.0.10"], "profile": "p", "local_ranks": 1}
    recorder = Recorder(file, head)
    recorder.lines(0, frame())
    recorder.lines(0, ["@@ log 1 0 new", "@@ log 1 6 -", " hello", "@@ end"])
    recorder.metrics('vllm:num_requests_running{engine="0"} 3.0\n')
    recorder.close()


def test_a_recording_shows_what_was_shown(tmp_path: Path) -> None:
    recording(tmp_path / "night.gz")
    player = Player(tmp_path / "night.gz")
    player.run_to_end()
    state = player.board.snapshot()
    assert state.profile == "p"
    assert state.nodes[0].npu is not None
    assert len(state.nodes[0].npu.npus) == 8
    assert player.board.logs.raw(0, 10) == ["hello"]
    assert state.engine.ranks[0].running == 3.0


def test_a_recording_that_was_cut_off_plays_to_the_cut(tmp_path: Path) -> None:
    recording(tmp_path / "night.gz")
    whole = (tmp_path / "night.gz").read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) - 20])
    player = Player(tmp_path / "cut.gz")
    player.run_to_end()
    assert player.ended


def packed(*items: object) -> bytes:
    text = "".join(json.dumps(item) + "\n" for item in items)
    return gzip.compress(text.encode(), mtime=0)  # names of tests come of it


HEAD = {"glm47-tui": 1, "began": 1000.0, "names": ["n"], "addresses": ["a"]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (packed("x" * 999)[:9], "is empty"),
        (b"no gzip", "not compressed"),
        (packed({}), "no recording of this program"),
        (packed([1, 2]), "no recording of this program"),
        (packed({**HEAD, "glm47-tui": 2}), "format 2; this version of the program reads format 1"),
        (packed({"glm47-tui": 1}), "its beginning is damaged"),
        (packed({**HEAD, "addresses": []}), "its beginning is damaged"),
        (packed({**HEAD, "began": "then"}), "its beginning is damaged"),
        (packed({**HEAD, "local_ranks": 0}), "its beginning is damaged"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(UserError, match=why) as caught:
        Player(file)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "item", [5, [1, 9, ["@@ npu"]], [2, 0, "abc"], ["x", 0, []], [1, -2, "x"], [1, True, []], [1]]
)
def test_a_damaged_recording_plays_up_to_the_damage(tmp_path: Path, item: object) -> None:
    good = [1, 0, ["@@ log 1 0 new", "@@ log 1 6 -", " hello", "@@ end"]]
    more = [2, 0, ["@@ log 1 9 -", " no", "@@ end"]]
    (tmp_path / "x").write_bytes(packed(HEAD, good, item, more))
    player = Player(tmp_path / "x")
    player.run_to_end()
    assert player.board.logs.raw(0, 9) == ["hello"]


def test_a_recording_cannot_drive_the_terminal(tmp_path: Path) -> None:
    lines = ["@@ log 1 0 new", "@@ log 1 6 -", " a\x1b]0;title\x07b\x9bc", "@@ end"]
    (tmp_path / "x").write_bytes(packed({**HEAD, "names": ["n\x1b[2J"]}, [1, 0, lines]))
    player = Player(tmp_path / "x")
    player.run_to_end()
    assert player.board.logs.raw(0, 9) == ["a]0;titlebc"]
    assert player.board.snapshot().nodes[0].name == "n[2J"


def test_a_recording_shows_what_the_monitor_found_that_night(tmp_path: Path) -> None:
    """Causes in the logs, connections lost, a rank that was asked and did not answer."""
    error = "(EngineCore_DP0 pid=9) ERROR 01-12 10:00:00 [core.py:9] something broke"
    still = 'vllm:num_requests_running{engine="0"} 1.0\n'
    still += 'vllm:iteration_tokens_total_count{engine="0"} 5\n'
    items: list[object] = [
        [0.0, -2, {"node": 0, "link": "up", "attempt": 0, "error": "", "wait": None}],
        [1.0, 0, ["@@ log 1 0 new", "@@ log 1 80 -", f" {error}", "@@ end"]],
        *([float(s), -1, still] for s in range(2, 16, 2)),
        [15.5, -2, {"asked": "0"}],
        *([float(s), -1, still] for s in range(16, 28, 2)),
        [27.5, -2, {"answered": "0", "ok": False}],
        [28.0, -1, still],
        [29.0, -2, {"node": 0, "link": "retrying", "attempt": 1, "error": "gone", "wait": 4}],
        [30.0, -2, {"from": "a later version"}],
    ]
    (tmp_path / "x").write_bytes(packed(HEAD, *items))
    player = Player(tmp_path / "x")
    player.run_to_end()
    assert [k for k in kinds(player.board) if k != "cause.other"] == [
        "log_error", "rank_hung", "link_lost",
    ]  # fmt: skip
    assert player.board.snapshot().nodes[0].link.next_try == 1033.0


def test_a_recording_is_on_disk_from_the_beginning(tmp_path: Path) -> None:
    """What is killed in its first seconds leaves a file that can be played."""
    file = tmp_path / "night.gz"
    recorder = Recorder(file, {"names": ["n"], "addresses": ["a"]})
    assert Player(file).board.snapshot().nodes[0].name == "n"
    recorder.close()


def test_listeners_hear_of_events(clock: Clock) -> None:
    heard: list[WatchEvent] = []
    board = Board(["n"], ["a"], clock=clock, on_event=heard.append)
    board.event("log_lost", Weight.WARNING, 0)
    assert [e.kind for e in heard] == ["log_lost"]


def test_a_reading_that_was_late_is_as_old_as_it_is(board: Board, clock: Clock) -> None:
    """Eight seconds of readings wait in a stalled connection and come all at once."""

    def at(uptime: float) -> list[str]:
        lines = frame()
        return [f"{lines[0]} {uptime}", *lines[1:]]

    began = clock.now
    for second in range(5):
        clock.now = began + second
        board.reader(0).feed(at(1000.0 + second))
    clock.now = began + 13
    board.reader(0).feed(at(1005.0))
    node = board.snapshot().nodes[0]
    assert node.age(clock.now) == pytest.approx(8.0)
    assert node.stale(clock.now)
    board.reader(0).feed(at(1013.0))
    assert not board.snapshot().nodes[0].stale(clock.now)


def test_a_node_that_was_booted_again_is_not_late(board: Board, clock: Clock) -> None:
    lines = frame()
    board.reader(0).feed([f"{lines[0]} 90000.0", *lines[1:]])
    clock.now += 300
    board.reader(0).feed([f"{lines[0]} 20.0", *lines[1:]])
    assert board.snapshot().nodes[0].age(clock.now) == 0


def test_a_recording_knows_where_a_connection_began_anew(tmp_path: Path) -> None:
    """A chunk of the log that was cut off comes again: it is not shown twice."""
    recorder = Recorder(tmp_path / "night.gz", {"names": ["n"], "addresses": ["a"]})
    recorder.lines(0, ["@@ resumed", "@@ log 7 0 new", "@@ log 7 6 -", " a", " b"])
    recorder.lines(0, ["@@ resumed", "@@ log 7 6 -", " a", " b", " c", "@@ end"])
    recorder.close()
    player = Player(tmp_path / "night.gz")
    player.run_to_end()
    assert player.board.logs.raw(0, 9) == ["a", "b", "c"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_ends_the_recording_and_says_why() -> None:
    recorder = Recorder(Path("/dev/full"), {"names": ["n"]})
    for _ in range(2000):
        recorder.lines(0, [f" {i * 7919 % 104729}" for i in range(200)])
        if recorder.error is not None:
            break
    recorder.close()
    assert recorder.error == "No space left on device"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_short_recording_on_a_full_disk_is_not_taken_for_a_whole_one() -> None:
    recorder = Recorder(Path("/dev/full"), {"names": ["n"]})
    recorder.close()
    recorder.lines(0, ["late"])
    assert recorder.error == "No space left on device"


def test_a_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "night.gz"
    Recorder(file, {}).close()
    assert file.stat().st_mode & 0o777 == 0o600
