"""A log that grows is read once, whole, in order: across cuts, restarts, and truncation."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from glm47_tui.deploy.engines import tail_log
from glm47_tui.deploy.follow import Follower
from glm47_tui.errors import UserError
from tests.support.sshd import wait_until
from tests.unit.deploy.conftest import Place


class Log:
    """The engine's log on the node, and what a follower handed over of it."""

    def __init__(self, place: Place) -> None:
        self.file = place.base / "logs" / "glm_47_infer_node0_log.txt"
        self.file.parent.mkdir(parents=True)
        self.file.touch()
        self.lines: list[str] = []
        self.numbers: list[int] = []
        self.ends: list[UserError | None] = []

    def take(self, lines: Sequence[str], first: int) -> None:
        self.lines += lines
        self.numbers += range(first, first + len(lines))

    def write(self, *lines: str) -> None:
        with self.file.open("a") as out:
            out.write("".join(f"{line}\n" for line in lines))

    def wait(self, count: int) -> None:
        wait_until(lambda: len(self.lines) >= count, what=f"{count} lines, have {self.lines[-3:]}")


def follow(place: Place, log: Log, verb: str = "follow", **more: Any) -> Follower:
    run = place.run()
    return Follower(
        run, run.nodes[0], log.take, stage="ready", verb=verb, on_end=log.ends.append, **more
    )


def test_lines_are_handed_over_with_their_numbers_blank_ones_too(place: Place) -> None:
    log = Log(place)
    log.write("one", "", "three")
    follower = follow(place, log)
    log.wait(3)
    log.write("four")
    log.wait(4)
    follower.close()
    assert follower.wait(20)
    assert (log.lines, log.numbers) == (["one", "", "three", "four"], [1, 2, 3, 4])
    assert log.ends == [None]


def test_a_line_that_only_looks_like_a_marker_is_a_line(place: Place) -> None:
    log = Log(place)
    odd = ["@@ -1,2 +1,3 @@", "@@ engine room", "@@ log", "@@ "]
    log.write(*odd)
    follower = follow(place, log)
    log.wait(len(odd))
    follower.close()
    assert follower.wait(20)
    assert (log.lines, log.numbers) == (odd, [1, 2, 3, 4])


def test_it_may_begin_in_the_middle(place: Place) -> None:
    log = Log(place)
    log.write("one", "two", "three")
    follower = follow(place, log, first=3)
    log.wait(1)
    follower.close()
    assert (log.lines, log.numbers) == (["three"], [3])


def test_a_cut_connection_loses_no_line_and_doubles_none(place: Place) -> None:
    log = Log(place)
    follower = follow(place, log)
    wanted = [f"line {i}" for i in range(300)]
    writer_on = threading.Event()

    def write() -> None:
        for number, line in enumerate(wanted):
            log.write(line)
            if number == 100:
                writer_on.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert writer_on.wait(20)
    place.server.kill_sessions()
    thread.join()
    log.wait(300)
    place.server.kill_sessions()
    log.write("the end")
    log.wait(301)
    follower.close()
    assert log.lines == [*wanted, "the end"]
    assert log.numbers == list(range(1, 302))


def test_a_restarted_engine_has_a_new_file(place: Place) -> None:
    log = Log(place)
    follower = follow(place, log)
    log.write("old 1", "old 2")
    log.wait(2)
    log.file.rename(log.file.with_name("glm_47_infer_node0_log.1.txt"))
    log.write("new 1")
    log.wait(3)
    follower.close()
    assert log.lines == ["old 1", "old 2", "new 1"]
    assert log.numbers == [1, 2, 1]


def test_restarted_while_the_connection_was_cut(place: Place) -> None:
    log = Log(place)
    follower = follow(place, log)
    log.write("old 1")
    log.wait(1)
    place.server.stop()
    log.write("old 2")
    log.file.rename(log.file.with_name("glm_47_infer_node0_log.1.txt"))
    log.write("new 1", "new 2")
    place.server.start()
    log.wait(4)
    follower.close()
    assert log.lines == ["old 1", "old 2", "new 1", "new 2"]
    assert log.numbers == [1, 2, 1, 2]


def test_a_truncated_file_begins_anew(place: Place) -> None:
    log = Log(place)
    follower = follow(place, log)
    log.write("a long first line", "another one")
    log.wait(2)
    log.file.write_text("")
    log.write("x")
    log.wait(3)
    follower.close()
    assert log.lines[-1] == "x" and log.numbers[-1] == 1


def test_the_last_lines_hold_no_escape_codes(place: Place) -> None:
    log = Log(place)
    log.write("old", "\x1b]0;title\x07\x1b[31mred\x1b[0m", "", "a\x0bb\u2028c")
    run = place.run()
    assert tail_log(run, run.nodes[0], stage="ready", lines=3) == ["red", "", "ab\u2028c"]


def test_watch_ends_when_the_engine_is_gone(place: Place) -> None:
    log = Log(place)
    log.write("one")
    seen: list[tuple[str, ...]] = []
    follower = follow(place, log, "watch", on_engine=seen.append)
    assert follower.wait(30)
    assert log.lines == ["one"]
    assert seen == [("missing", "-")]
    assert log.ends == [None]


def test_a_node_that_stays_away_is_an_error(place: Place, monkeypatch: object) -> None:
    from glm47_tui.deploy import links

    monkeypatch.setattr(links, "PAUSES", (0.0, 0.05))  # type: ignore[attr-defined]
    log = Log(place)
    follower = follow(place, log)
    log.write("one")
    log.wait(1)
    place.server.stop()
    ended = follower.wait(60)
    place.server.start()
    assert ended
    assert log.ends[0] is not None and follower.ended
