"""Logs from files, archives, folders and pipes: same answer, any bytes, little memory."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui.diagnose import diagnose_files, main_diagnose, report_to_json
from glm47_tui.diagnose.files import blocks
from glm47_tui.errors import Exit, UserError

from . import noise, scenarios

LEFTOVERS = scenarios.leftovers_hold_the_npus_of_node1


def written(folder: Path, packer=None, suffix: str = "") -> list[str]:
    paths = []
    for node in LEFTOVERS()[0]:
        data = ("\n".join(node.lines) + "\n").encode()
        path = folder / f"glm_47_infer_{node.name}_log.txt{suffix}"
        path.write_bytes(packer(data) if packer else data)
        paths.append(str(path))
    return paths


@pytest.mark.parametrize(
    ("packer", "suffix"),
    [
        (None, ""),
        (gzip.compress, ".gz"),
        (gzip.compress, ""),
        (bz2.compress, ".1"),
        (lzma.compress, ""),
    ],
)
def test_packed_or_not_the_answer_is_the_same(tmp_path: Path, packer, suffix: str) -> None:
    report = diagnose_files(written(tmp_path, packer, suffix))
    assert [c.entry for c in report.causes] == ["hccl.hccp_busy"]
    assert report.causes[0].place.node == "node1"


def test_a_folder_of_logs(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "unrelated.bin").write_bytes(b"EJ0001")
    report = diagnose_files([str(tmp_path)])
    assert [c.entry for c in report.causes] == ["hccl.hccp_busy"]
    assert len(report.files) == 2


def test_nodes_are_named_by_hand_or_by_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = LEFTOVERS()[0][1].lines
    (tmp_path / "NODE-07").mkdir()
    for name in ("a.log", "NODE-07/b.log"):
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")

    def node(*paths: str) -> str:
        return diagnose_files(paths).causes[0].place.node

    assert node(f"worker={tmp_path}/a.log") == "worker"
    assert node(f"{tmp_path}/NODE-07/b.log") == "node7"
    assert node(f"{tmp_path}/a.log") == "node0"
    # A file whose name looks like NODE=FILE is a file.
    odd = tmp_path / "x=y.log"
    odd.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert node("x=y.log", "a.log") in ("x=y.log", "a.log")


def test_standard_input_and_the_merged_stream_of_logs(tmp_path: Path) -> None:
    nodes, _ = LEFTOVERS()
    merged = [f"{node.name} | {line}" for node in nodes for line in node.lines]
    stream = io.BytesIO(("\n".join(merged) + "\n").encode())
    report = diagnose_files(["-"], stdin=stream)
    assert [(c.entry, c.place.node) for c in report.causes] == [("hccl.hccp_busy", "node1")]
    place = report.causes[0].place
    assert place.text in merged[place.line - 1]
    assert {p.node for p in report.phases} == {"node0", "node1"}


def test_lines_of_two_nodes_mixed_one_by_one() -> None:
    (zero, one), _ = LEFTOVERS()
    mixed = []
    for a, b in zip(zero.lines, one.lines, strict=False):
        mixed += [f"node0 | {a}", f"node1 | {b}"]
    mixed += [f"node1 | {b}" for b in one.lines[len(zero.lines) :]]
    mixed += [f"node0 | {a}" for a in zero.lines[len(one.lines) :]]
    report = diagnose_files(["-"], stdin=io.BytesIO("\n".join(mixed).encode()))
    assert [(c.entry, c.place.node) for c in report.causes] == [("hccl.hccp_busy", "node1")]
    assert report.causes[0].place.text in mixed[report.causes[0].place.line - 1]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "absent.log", "absent.log"),
        (lambda p: p, "no log in the folder"),
        (lambda p: _bad_gzip(p / "cut.gz"), "cut.gz"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, make, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        diagnose_files([str(make(tmp_path))])
    assert caught.value.fix is not None
    assert caught.value.exit_code is Exit.USAGE


def _bad_gzip(path: Path) -> Path:
    path.write_bytes(gzip.compress(b"x" * 100_000)[:60])
    return path


def test_windows_line_ends_and_a_last_line_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "node1.log"
    path.write_bytes(b"\r\n".join(line.encode() for line in LEFTOVERS()[0][1].lines))
    report = diagnose_files([str(path)])
    assert [c.entry for c in report.causes] == ["hccl.hccp_busy"]
    assert report.lines == len(LEFTOVERS()[0][1].lines)


def test_empty_logs_say_so(tmp_path: Path) -> None:
    path = tmp_path / "node0.log"
    path.write_bytes(b"")
    said: list[str] = []
    assert main_diagnose([str(path)], False, said.append) == 0
    assert said == ["There was nothing to read: the logs are empty."]


def test_json_holds_all_of_it(tmp_path: Path) -> None:
    said: list[str] = []
    assert main_diagnose(written(tmp_path), True, said.append) == Exit.CHECK_FAILED
    data = json.loads("\n".join(said))
    cause = data["causes"][0]
    assert cause["entry"] == "hccl.hccp_busy"
    assert cause["node"] == "node1"
    assert cause["file"].endswith("glm_47_infer_node1_log.txt")
    assert "EJ0001" in cause["text"]
    assert cause["fix"]
    assert cause["command"] == "npu-smi info"
    assert "hccl.socket_timeout" in cause["consequences"]
    assert data["stalls"] == []
    assert data["lines"] == sum(len(node.lines) for node in LEFTOVERS()[0])


class Endless(io.RawIOBase):
    """A log made while it is read: never in memory as a whole."""

    def __init__(self, total: int, text: bytes) -> None:
        self.left, self.text = total, text

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        part = self.text[: min(len(self.text), self.left)]
        self.left -= len(part)
        return part

    read = read1  # type: ignore[assignment]


def test_two_hundred_megabytes_in_constant_memory() -> None:
    text = ("\n".join(noise.healthy(4000)) + "\n").encode()
    text = text[: 1 << 20]
    total = 200 << 20
    tracemalloc.start()
    try:
        report = diagnose_files(["-"], stdin=Endless(total, text))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.bytes >= total
    assert report.causes == ()
    assert peak < 24 << 20


def test_a_storm_of_different_errors_needs_no_more_memory() -> None:
    def lines() -> Iterator[bytes]:
        for number in range(20_000):
            yield (
                b"\n(Worker_TP1 pid=413) ERROR 01-12 10:53:40 [multiproc_executor.py:824] "
                b"RuntimeError: Connection closed by peer [10.77.0.11]:%d, request %d"
                % (number, number)
            )

    from glm47_tui.diagnose import Diagnoser

    diagnoser = Diagnoser()
    tracemalloc.start()
    try:
        block = b""
        for line in lines():
            block += line
            if len(block) > 1 << 18:
                diagnoser.feed_block("node0", block, "x")
                block = b""
        diagnoser.feed_block("node0", block, "x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    report = diagnoser.report()
    assert report.causes[0].count == 20_000
    assert peak < 24 << 20


def test_a_line_without_end_is_cut() -> None:
    stream = io.BytesIO(b"x" * (9 << 20))
    sizes = [len(block) for block in blocks(stream)]
    assert sum(sizes) == (9 << 20) + len(sizes)
    assert max(sizes) < 6 << 20


@pytest.mark.parametrize("seed", range(8))
def test_mutated_logs_crash_nothing(seed: int) -> None:
    r = random.Random(seed)  # noqa: S311
    for build in scenarios.ALL:
        nodes, _ = build(colour=bool(seed % 2), docker=bool(seed % 3))
        data = bytearray("\n".join(nodes[seed % 2].lines).encode())
        for _ in range(400):
            at = r.randrange(len(data))
            what = r.randrange(4)
            if what == 0:
                data[at] = r.randrange(256)
            elif what == 1:
                del data[at : at + r.randrange(40)]
            elif what == 2:
                data[at:at] = data[(b := r.randrange(len(data))) : b + r.randrange(200)]
            else:
                data[at:at] = bytes(r.randrange(256) for _ in range(r.randrange(12)))
        report = diagnose_files(["-"], stdin=io.BytesIO(bytes(data)))
        assert report_to_json(report)["lines"] == data.count(b"\n") + (data[-1:] != b"\n")


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_crash_nothing(seed: int) -> None:
    r = random.Random(seed)  # noqa: S311
    data = bytes(
        r.choices(b"\x00\x1b\r\n ()[]:-0123456789EIJpidERRORINFO=\xff\xfe\xe4\xb8", k=200_000)
    )
    assert diagnose_files(["-"], stdin=io.BytesIO(data)).bytes >= len(data)
