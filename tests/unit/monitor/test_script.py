"""The real monitor.sh, run by a real bash: log places, rotation, a slow npu-smi, an early end."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui import assets
from glm47_tui.monitor.frames import FrameReader, LogPlace, NpuReading, Proc, Sinks

SAMPLES = Path(__file__).parents[1] / "node" / "samples"
IDLE = SAMPLES / "npu_smi_910B2x8_idle_25.2.0_issue3906.txt"


class Node:
    """A node: a folder, a stand-in npu-smi, and the script running on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "job_log.txt"
        self.old = folder / "job_log.1.txt"
        self.seen: queue.Queue[tuple[str, object]] = queue.Queue()
        self.lines: list[str] = []
        self.reader = FrameReader(
            Sinks(
                npu=lambda r: self.seen.put(("npu", r)),
                procs=lambda p: self.seen.put(("procs", p)),
                log=self._log,
                log_note=lambda n: self.seen.put(("note", n)),
                failed=lambda w: self.seen.put(("failed", w)),
            )
        )
        self.npu_smi(f"cat {IDLE}")

    def _log(self, lines: list[str]) -> None:
        self.lines.extend(lines)
        self.seen.put(("log", list(lines)))

    def npu_smi(self, body: str) -> None:
        tool = self.folder / "npu-smi"
        tool.write_text(f"#!/bin/sh\n{body}\n")
        tool.chmod(0o755)

    def start(self, *words: str, resume: bool = False) -> None:
        place = self.reader.resume()
        args = [f"log={self.log}", *words]
        if resume:
            assert place is not None
            args += [f"inode={place.inode}", f"offset={place.offset}", f"mark={place.mark}"]
        path = f"{self.folder}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "TMPDIR": str(self.folder)}  # some are killed by force
        self.process = subprocess.Popen(
            ["bash", "-s", "--", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
        )
        assert self.process.stdin is not None
        self.process.stdin.write(assets.text("scripts", "monitor.sh").encode() + b"\n")
        self.process.stdin.flush()
        threading.Thread(target=self._pump, args=(self.process,), daemon=True).start()

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            self.reader.feed([raw.decode().rstrip("\n")])

    def order(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait(self, kind: str, value: object = None) -> object:
        """Wait for something of a kind (and value); everything before it is passed over."""
        while True:
            got, found = self.seen.get(timeout=20)
            if got == kind and (value is None or found == value):
                return found

    def until(self, last: str) -> None:
        while not self.lines or self.lines[-1] != last:
            self.wait("log")

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=10)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    process = getattr(made, "process", None)
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()


def test_reads_npus_and_ends_with_its_input(node: Node) -> None:
    node.start("interval=0.3")
    first = node.wait("npu")
    assert isinstance(first, NpuReading)
    assert len(first.table.npus) == 8
    assert first.status == 0
    assert first.interval_s == 0.3
    again = node.wait("npu")
    assert isinstance(again, NpuReading)
    assert again.at > first.at
    assert node.end() == 0


def test_follows_the_log_from_the_last_lines_on(node: Node) -> None:
    node.log.write_text("one\ntwo\nthree\n")
    node.start("tail=2")
    node.until("three")
    with node.log.open("a") as log:
        log.write("four\nhalf a li")
        log.flush()
        node.until("four")
        log.write("ne\n\n  indented\n")
        log.flush()
        node.until("  indented")
    assert node.lines == ["two", "three", "four", "half a line", "", "  indented"]


def test_log_that_comes_later_is_found(node: Node) -> None:
    node.start()
    node.wait("npu")
    node.log.write_text("hello\n")
    node.until("hello")


def test_rotation_loses_and_doubles_nothing(node: Node) -> None:
    node.log.write_text("a\n")
    node.start()
    node.until("a")
    with node.log.open("a") as log:
        log.write("b\n")
        node.log.rename(node.old)
        log.write("c\n")
    node.log.write_text("d\n")
    node.until("d")
    assert node.lines == ["a", "b", "c", "d"]


def test_truncation_is_said(node: Node) -> None:
    node.log.write_text("a\nb\n")
    node.start()
    node.until("b")
    with node.log.open("r+") as log:
        log.truncate(0)
        node.wait("note", "truncated")
    with node.log.open("a") as log:
        log.write("c\n")
    node.until("c")
    assert node.lines == ["a", "b", "c"]


def test_log_replaced_while_it_is_watched_is_read_to_its_end(node: Node) -> None:
    """No file leads to the old log any more, but the script still has it open."""
    node.log.write_text("a\n")
    node.start()
    node.until("a")
    with node.log.open("a") as log:
        log.write("b\nhalf")
        log.flush()
        new = node.folder / "new"
        new.write_text("c\n")
        new.replace(node.log)
    node.wait("note", "rotated")
    node.until("c")
    assert node.lines == ["a", "b", "half", "c"]


def test_log_replaced_while_nobody_watched_is_said(node: Node) -> None:
    node.log.write_text("a\n")
    node.start()
    node.until("a")
    node.process.kill()
    node.process.wait()
    new = node.folder / "new"
    new.write_text("b\n")
    new.replace(node.log)
    node.start(resume=True)
    node.wait("note", "lost")
    node.until("b")


@pytest.mark.parametrize("watched", [True, False])
def test_log_cut_and_grown_past_the_old_place_is_not_taken_for_the_same(
    node: Node, watched: bool
) -> None:
    node.log.write_text("a\nb\n")
    node.start()
    node.until("b")
    while node.reader.place is None or not node.reader.place.mark:
        node.wait("npu")
    if not watched:
        node.process.kill()
        node.process.wait()
    node.log.write_text("".join(f"new {i}\n" for i in range(50)))
    if not watched:
        node.start(resume=True)
    node.wait("note", "truncated")
    node.until("new 49")
    assert node.lines == ["a", "b", *(f"new {i}" for i in range(50))]


def test_resume_goes_on_exactly_where_it_stopped(node: Node) -> None:
    node.log.write_text("".join(f"line {i}\n" for i in range(5)))
    node.start("tail=100")
    node.until("line 4")
    node.process.kill()
    node.process.wait()
    with node.log.open("a") as log:
        log.write("line 5\nline 6\n")
    node.start(resume=True)
    node.until("line 6")
    assert node.lines == [f"line {i}" for i in range(7)]


def test_resume_after_a_rotation_reads_the_old_file_first(node: Node) -> None:
    node.log.write_text("a\n")
    node.start()
    node.until("a")
    node.process.kill()
    node.process.wait()
    with node.log.open("a") as log:
        log.write("b\n")
    node.log.rename(node.old)
    node.log.write_text("c\n")
    node.start(resume=True)
    node.until("c")
    assert node.lines == ["a", "b", "c"]


def test_big_log_arrives_whole(node: Node) -> None:
    count = 60_000
    node.log.write_text("".join(f"{i} {'x' * 60}\n" for i in range(count)))
    node.start(f"tail={count}")
    node.until(f"{count - 1} {'x' * 60}")
    assert [line.split()[0] for line in node.lines] == [str(i) for i in range(count)]


def test_slow_npu_smi_does_not_hold_up_the_log(node: Node) -> None:
    gate = node.folder / "gate"
    os.mkfifo(gate)
    node.npu_smi(f"read x <{gate}; cat {IDLE}")
    node.log.write_text("a\n")
    node.start("interval=0.2")
    node.until("a")
    with node.log.open("a") as log:
        log.write("b\n")
    node.until("b")
    gate.write_text("go\n")
    assert isinstance(node.wait("npu"), NpuReading)


def test_npu_smi_that_is_missing_or_fails(node: Node) -> None:
    node.npu_smi("echo 'dcmi module initialize failed. ret is -8005'; exit 255")
    node.start("interval=0.2")
    reading = node.wait("npu")
    assert isinstance(reading, NpuReading)
    assert (reading.status, reading.table.problem) == (255, "init")


def test_interval_can_be_changed_and_nonsense_is_passed_over(node: Node) -> None:
    node.start("interval=0.2")
    node.wait("npu")
    node.order("rm -rf /\ninterval 7\ninterval $(boom)\n")
    while True:
        reading = node.wait("npu")
        assert isinstance(reading, NpuReading)
        if reading.interval_s == 7.0:
            break
    assert node.end() == 0


def test_processes_of_vllm_are_seen(node: Node) -> None:
    engine = subprocess.Popen(
        ["bash", "-c", "printf VLLM::EngineCor >/proc/self/comm; read x"], stdin=subprocess.PIPE
    )
    try:
        node.start()
        while True:
            procs = node.wait("procs")
            assert isinstance(procs, tuple)
            found = [p for p in procs if isinstance(p, Proc) and p.pid == engine.pid]
            if found:
                assert found[0].name == "VLLM::EngineCor"
                break
    finally:
        engine.kill()
        engine.wait()


def test_chunk_cut_by_the_connection_is_neither_lost_nor_doubled(node: Node) -> None:
    """A stream that ends inside a chunk: its lines had arrived, its end mark had not."""
    reader, lines = node.reader, node.lines
    reader.feed(["@@ log 7 0 new", "@@ log 7 12 -", " a", " b"])
    assert reader.resume() == LogPlace(7, 0)
    reader.feed(["@@ log 7 18 -", " a", " b", " c", "@@ end"])
    assert lines == ["a", "b", "c"]
    assert reader.place == LogPlace(7, 18)
    assert reader.resume() == LogPlace(7, 18)


def test_a_log_that_grows_while_it_is_opened_begins_with_a_whole_line(node: Node) -> None:
    node.log.write_text("".join(f"line {i}\n" for i in range(10)))
    tail = node.folder / "tail"
    grow = f'printf "line 10, longer" >>"{node.log}"'
    tail.write_text(f'#!/bin/sh\n{grow}\nexec {shutil.which("tail")} "$@"\n')
    tail.chmod(0o755)
    node.start("tail=3")
    node.wait("log")
    with node.log.open("a") as out:
        out.write("\nline 11\n")
    while "line 11" not in node.lines:
        node.wait("log")
    assert all(line.startswith("line ") for line in node.lines), node.lines
    assert node.lines[-2:] == ["line 10, longer", "line 11"]
