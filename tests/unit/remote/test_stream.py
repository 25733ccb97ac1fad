"""Long-lived commands: every line once, input, and ends of all kinds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection, Stream
from tests.support.sshd import Sshd, wait_until
from tests.unit.remote.test_run import alive


class Sink:
    """Collects lines and ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ends: list[Exception | None] = []
        self.batches = 0
        self.done = threading.Event()

    def on_lines(self, batch: Sequence[str]) -> None:
        self.lines.extend(batch)
        self.batches += 1

    def on_end(self, error: Exception | None) -> None:
        self.ends.append(error)
        self.done.set()

    def start(self, node: Connection, script: str, *args: str, **more: object) -> Stream:
        return node.stream(script, *args, on_lines=self.on_lines, on_end=self.on_end, **more)  # type: ignore[arg-type]


def test_lines_with_standard_error_until_the_end(node: Connection) -> None:
    sink = Sink()
    stream = sink.start(node, "echo one; echo two >&2; echo; printf last\n")
    assert sink.done.wait(20)
    assert sink.lines == ["one", "two", "", "last"]
    assert sink.ends == [None]
    assert stream.ended
    stream.close()
    assert sink.ends == [None]


def test_input_reaches_the_script(node: Connection) -> None:
    sink = Sink()
    stream = sink.start(
        node,
        'while IFS= read -r x; do echo "got $x $1 $S"; wait; done\n',
        "arg",
        secrets={"S": "s"},
    )
    stream.send(b"first\nsecond\n")
    wait_until(lambda: len(sink.lines) == 2)
    stream.send("第三\n".encode())
    wait_until(lambda: len(sink.lines) == 3)
    assert sink.lines == ["got first arg s", "got second arg s", "got 第三 arg s"]
    stream.close()
    assert sink.done.wait(20)
    assert sink.ends == [None]
    with pytest.raises(RemoteError):
        stream.send(b"x\n")


def test_close_ends_what_runs_on_the_node(node: Connection, tmp_path: Path) -> None:
    sink = Sink()
    stream = sink.start(node, 'echo $$ >"$1"; echo up; sleep 600 & sleep 600; wait\n',
                        str(tmp_path / "pid"))  # fmt: skip
    wait_until(lambda: sink.lines == ["up"])
    pid = (tmp_path / "pid").read_text().strip()
    stream.close()
    assert sink.done.wait(20)
    assert sink.ends == [None]
    wait_until(lambda: not alive(pid), what="the stream's command ends")


def test_closed_from_its_own_reader(node: Connection) -> None:
    holder: list[Stream] = []
    ready = threading.Event()
    sink = Sink()

    def on_lines(batch: Sequence[str]) -> None:
        ready.wait(20)
        holder[0].close()

    holder.append(
        node.stream("while sleep 0.01; do echo x; done\n", on_lines=on_lines, on_end=sink.on_end)
    )
    ready.set()
    assert sink.done.wait(20)
    assert sink.ends == [None]


def test_a_fault_of_the_reader_is_told(node: Connection) -> None:
    sink = Sink()

    def on_lines(batch: Sequence[str]) -> None:
        raise KeyError("mine")

    node.stream("echo x; sleep 600\n", on_lines=on_lines, on_end=sink.on_end)
    assert sink.done.wait(20)
    assert isinstance(sink.ends[0], KeyError)


def test_a_cut_hands_over_no_half_line(shared_sshd: Sshd, node: Connection) -> None:
    sink = Sink()
    sink.start(node, "echo whole; printf half; sleep 600\n")
    wait_until(lambda: sink.lines == ["whole"])
    shared_sshd.kill_sessions()
    assert sink.done.wait(20)
    assert sink.lines == ["whole"]
    assert isinstance(sink.ends[0], RemoteError)
    assert sink.ends[0].kind == "lost"
    assert not node.alive


def test_a_cut_ends_the_command_on_the_node(
    shared_sshd: Sshd, node: Connection, tmp_path: Path
) -> None:
    sink = Sink()
    sink.start(node, 'echo $$ >"$1"; echo up; tail -f /dev/null\n', str(tmp_path / "pid"))
    wait_until(lambda: sink.lines == ["up"])
    pid = (tmp_path / "pid").read_text().strip()
    node.close()
    wait_until(lambda: not alive(pid), what="the stream's command ends")


def test_many_lines_in_few_batches(node: Connection) -> None:
    sink = Sink()
    sink.start(node, "seq 1 300000\n")
    assert sink.done.wait(60)
    assert sink.lines == [str(n) for n in range(1, 300_001)]
    assert sink.batches < 3_000


def test_a_slow_reader_holds_the_node_back(node: Connection) -> None:
    """Nothing piles up here without bound: the window closes until the reader goes on."""
    go = threading.Event()
    sink = Sink()

    def on_lines(batch: Sequence[str]) -> None:
        sink.on_lines(batch)
        go.wait(30)

    counted = node.stream(
        'for i in $(seq 1 200); do head -c 65535 /dev/zero | tr "\\0" x; echo; echo $i >&2;'
        ' done 2>"$1"; echo end\n',
        "/dev/null", on_lines=on_lines, on_end=sink.on_end,
    )  # fmt: skip
    wait_until(lambda: sink.batches == 1)
    channel = counted._session.channel  # type: ignore[attr-defined]
    wait_until(lambda: len(channel.in_buffer) > 1_000_000)
    assert len(channel.in_buffer) <= 2_200_000
    go.set()
    assert sink.done.wait(60)
    assert sink.lines[-1] == "end"
    assert len(sink.lines) == 201
