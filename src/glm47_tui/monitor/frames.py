"""Reading the stream of ``assets/scripts/monitor.sh``: lines in, frames out.

A frame opens with ``@@ kind ...``; its content follows with a blank in front of each line, and
``@@ end`` closes it. Lines of logs are handed on as they come, since a chunk can be large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from glm47_tui.node import NpuTable, parse_npu_smi
from glm47_tui.node.text import to_float, to_int

RESUMED = "resumed"
"""``@@ resumed`` stands in a recording where a new connection began; no node sends it."""


@dataclass(frozen=True)
class NpuReading:
    """One answer of npu-smi. ``at`` is the node's own clock, ``took_s`` and ``interval_s`` seconds,
    ``uptime`` the node's seconds since boot when npu-smi ended: a clock that nobody sets.

    ``status`` is the exit code of npu-smi (124 and 137: it hit its limit of 30 s).
    """

    at: float
    status: int
    took_s: float
    interval_s: float
    table: NpuTable
    uptime: float | None = None


@dataclass(frozen=True)
class Proc:
    """A process of vLLM: ``state`` is the kernel's letter (T: stopped), ``ticks`` CPU time."""

    pid: int
    name: str
    state: str
    rss_kib: int
    ticks: int


@dataclass(frozen=True)
class LogPlace:
    """How far the log was read: whole lines up to ``offset`` of the file with this inode.

    ``mark`` is ``LENGTH:CRC`` of the file's beginning, so that a log that was cut meanwhile is not
    taken for the same one; "" when it is not known yet.
    """

    inode: int
    offset: int
    mark: str = ""


@dataclass
class Sinks:
    """Where frames go; called on the thread that feeds."""

    npu: Callable[[NpuReading], None]
    procs: Callable[[tuple[Proc, ...]], None]
    log: Callable[[list[str]], None]
    log_note: Callable[[str], None]
    failed: Callable[[str], None]


class FrameReader:
    """Turns batches of lines into calls of :class:`Sinks`. ``place`` is where a resume begins.

    ``place`` only moves on when the lines up to it have arrived: a connection cut in the middle of
    a chunk repeats none and loses none, because the lines of a cut chunk are counted.
    """

    def __init__(self, sinks: Sinks, place: LogPlace | None = None) -> None:
        self._sinks = sinks
        self.place = place
        self._kind = ""
        self._words: list[str] = []
        self._body: list[str] = []
        self._skip = 0
        self._seen = 0

    def resume(self) -> LogPlace | None:
        """Begin a new stream: returns the place to ask for, and forgets the half-read frame.

        Lines of the cut-off chunk that had arrived will come again: so many are skipped. After a
        cut within lines that come again, those that had not come yet are to be skipped, too.
        """
        if self._kind == "log":
            self._skip += self._seen
        self._kind = ""
        self._body.clear()
        self._seen = 0
        return self.place

    def feed(self, lines: Sequence[str]) -> None:
        """Take cleaned lines, in order."""
        log: list[str] = []
        in_log = self._kind == "log"
        for line in lines:
            if line.startswith("@@ "):
                if log:
                    self._hand_on(log)
                    log = []
                if line == "@@ end":
                    self._close()
                else:
                    self._open(line.split())
                in_log = self._kind == "log"
            elif in_log:
                log.append(line[1:])
            else:
                self._body.append(line[1:])
        if log:
            self._hand_on(log)

    def _hand_on(self, lines: list[str]) -> None:
        self._seen += len(lines)
        if self._skip:
            cut = min(self._skip, len(lines))
            self._skip -= cut
            lines = lines[cut:]
        if lines:
            self._sinks.log(lines)

    def _open(self, words: list[str]) -> None:
        if words[1:] == [RESUMED]:
            self.resume()
            return
        self._kind = words[1] if len(words) > 1 else ""
        self._words = words
        self._body = []
        self._seen = 0
        # These say all in their head line and have no content.
        if self._kind == "log" and len(words) >= 5 and words[4] != "-":
            self._log_moved(words)
        elif self._kind == "failed":
            self._sinks.failed(" ".join(words[2:]))
        elif self._kind == "loghead" and len(words) >= 5:
            if self.place is None or to_int(words[2]) != self.place.inode:
                return
            self.place = replace(self.place, mark=f"{words[3]}:{words[4]}")

    def _log_moved(self, words: list[str]) -> None:
        inode, offset = to_int(words[2]), to_int(words[3])
        if inode is not None and offset is not None:
            self.place = LogPlace(inode, offset)
            self._skip = 0
            self._sinks.log_note(words[4])

    def _close(self) -> None:
        words, body = self._words, self._body
        if self._kind == "npu" and len(words) >= 6:
            self._sinks.npu(
                NpuReading(
                    at=to_float(words[2]) or 0.0,
                    status=to_int(words[3]) or 0,
                    took_s=(to_int(words[4]) or 0) / 1000,
                    interval_s=to_float(words[5]) or 1.0,
                    table=parse_npu_smi("\n".join(body)),
                    uptime=to_float(words[6]) if len(words) > 6 else None,
                )
            )
        elif self._kind == "procs":
            self._sinks.procs(tuple(p for line in body if (p := _proc(line)) is not None))
        elif self._kind == "log" and len(words) >= 5 and words[4] == "-":
            inode, offset = to_int(words[2]), to_int(words[3])
            if inode is not None and offset is not None:
                mark = self.place.mark if self.place and self.place.inode == inode else ""
                self.place = LogPlace(inode, offset, mark)
        self._kind = ""
        self._body = []


def _proc(line: str) -> Proc | None:
    words = line.split()
    pid = to_int(words[0]) if words else None
    if pid is None or len(words) < 5:
        return None
    return Proc(pid, words[1], words[2], to_int(words[3]) or 0, to_int(words[4]) or 0)
