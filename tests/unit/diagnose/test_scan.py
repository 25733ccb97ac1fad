"""The fast scan loses nothing that the slow way finds."""

from __future__ import annotations

import pytest

from glm47_tui.diagnose import Catalog
from glm47_tui.diagnose.lines import Head, parse_head, plain
from glm47_tui.diagnose.phases import MARKS
from glm47_tui.diagnose.scan import Scanner, fragments, message_pattern, trie

from . import noise

ANCHORS = sorted({a for e in Catalog.load().entries for a in e.anchors} | set(MARKS))
QUIET = sorted({a for e in Catalog.load().entries if e.quiet for a in e.anchors} | set(MARKS))
REFERENCE = 1_768_300_000.0
PREFIXES = (
    b"",
    b"(Worker_DP0_TP3_EP3 pid=415) ERROR 01-12 10:53:40 [multiproc_executor.py:751] ",
    b"\x1b[0;36m(EngineCore_DP0 pid=300)\x1b[0;0m ERROR 01-12 10:53:40 [core.py:866] ",
    b"2026-01-12T02:53:40.123456789Z (APIServer pid=211) ",
    b"(VllmWorker TP0 pid=35532) ERROR 08-26 04:05:22 [multiproc_executor.py:559] ",
    b"[rank3]:[E112 11:40:00.123456789 compiler_depend.ts:444] ",
    b"[ERROR] HCCL(106335,):2026-01-12-10:56:10.705.534 [hccl_socket_manager.cc:796] ",
    b"[ERROR] 2026-01-12-10:53:40 (PID:512, Device:0, RankID:8) ",
    b"(A pid=1) (B pid=2) ERROR 01-12 10:53:40 [x.py:1] ",
    b"Loading shards:  3% | 3/93 [00:10<05:00](W pid=4) ERROR 01-12 10:11:12 [a.py:1] ",
)  # fmt: skip


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(ANCHORS, QUIET)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_anchor_is_found_behind_every_prefix(scanner: Scanner, prefix: bytes) -> None:
    for anchor in ANCHORS:
        line = prefix + b"xx " + anchor.encode() + b" yy"
        found, _ = scanner.share().interesting(b"\n" + line)
        assert len(found) == 1, anchor
        assert anchor.encode() in scanner.anchors(found.pop())


def test_info_lines_pass_only_when_they_begin_as_asked(scanner: Scanner) -> None:
    for start in (b"(W pid=4) INFO 01-12 10:11:12 [a.py:1] ", b"(W pid=4) INFO:     "):
        for word in QUIET:
            found, _ = scanner.share().interesting(b"\n" + start + word.encode() + b" ...")
            assert found, word
        for anchor in ANCHORS:
            if not anchor.startswith(tuple(q[:6] for q in QUIET)):
                found, _ = scanner.share().interesting(b"\n" + start + anchor.encode())
                assert not found, anchor


def test_fragments_are_parts_of_their_anchors_and_long_enough_to_be_rare() -> None:
    for anchor, part in fragments(ANCHORS).items():
        assert part in anchor.encode()
        assert len(part) >= min(8, len(anchor))


def test_a_trie_matches_what_a_plain_alternation_matches() -> None:
    import re

    words = [b"abc", b"abd", b"b[1]", b"b.", b"zz"]
    pattern = re.compile(trie(words))
    text = b"abx abc b[1] bx b. abd zz z"
    assert pattern.findall(text) == re.compile(b"|".join(map(re.escape, words))).findall(text)


def test_messages_are_those_of_the_slow_way() -> None:
    lines = [line.encode() for line in noise.healthy(3000)]
    lines += [p + b"some message" for p in PREFIXES]
    found = [m for m in message_pattern(QUIET).findall(b"\n" + b"\n".join(lines)) if m]
    slow = []
    for line in lines:
        text = plain(line)
        head = parse_head(text, REFERENCE)
        if not head.quiet:
            slow.append(text[head.length :])
    # Where a line has two prefixes the scan takes one off: harmless, the text is all there.
    assert [m.decode().endswith(s) for m, s in zip(found, slow, strict=True)] == [True] * len(slow)


@pytest.mark.parametrize(
    ("line", "head"),
    [
        (b"(EngineCore_DP0 pid=123) ERROR 12-27 10:11:12 [core.py:123] m",
         Head("EngineCore_DP0 pid=123", "ERROR", 1_766_830_272.0, None, 60)),
        (b"INFO 01-12 10:53:02 [x.py:1] m", Head("", "INFO", 1_768_215_182.0, None, 29)),
        (b"[ERROR] HCCL(123,python):2026-01-12-10:53:02.123.456 m",
         Head("pid=123", "ERROR", 1_768_215_182.0, None, 53)),
        (b"2026-01-12T02:53:02.1Z (A pid=1) INFO 01-12 10:53:02 [x.py:1] m",
         Head("A pid=1", "INFO", 1_768_215_182.0, 1_768_186_382.0, 62)),
        (b"2026-01-12 10:53:02,123 - ERROR - m", Head("", "ERROR", 1_768_215_182.0, None, 31)),
        (b"[rank3]:[W112 10:53:02.123456789 socket.cpp:759] m",
         Head("rank3", "WARN", 1_768_215_182.0, None, 49)),
        (b"(A pid=1) ERROR 13-45 99:99:99 [x.py:1] m", Head("A pid=1", "ERROR", None, None, 40)),
        (b"W0112 10:53:02.169000 30314 /site-packages/torch/utils/cpp_extension.py:117] m",
         Head("pid=30314", "WARN", 1_768_215_182.0, None, 77)),
        (b"no prefix at all", Head()),
    ],
)  # fmt: skip
def test_prefixes(line: bytes, head: Head) -> None:
    assert parse_head(plain(line), REFERENCE) == head


def test_what_is_shown_of_a_line_is_plain() -> None:
    assert plain(b"\x1b[31mred\x1b[0m \x07bell\r\n") == "red bell"
    assert plain(b"10%\r 20%\r 30%") == " 30%"
    assert plain("已退出".encode()) == "已退出"
    assert plain(b"\xff\xfe") == "��"
    assert len(plain(b"x" * 100_000)) == 1000
