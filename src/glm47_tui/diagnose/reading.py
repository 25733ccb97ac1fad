"""One log of one node, read block by block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from glm47_tui.diagnose.catalog import Catalog, Entry
from glm47_tui.diagnose.lines import Head, parse_head, plain
from glm47_tui.diagnose.phases import GONE, MARKS, SERVING, is_run_head
from glm47_tui.diagnose.report import Place
from glm47_tui.diagnose.scan import Scanner
from glm47_tui.diagnose.sightings import Run

_KNOWN = 4096
_LOOK_BACK = 64
_BACK_BYTES = 16_384
_QUARTER = 900.0


@dataclass(frozen=True)
class _Meaning:
    """What a message says: entries with their values, and whether it marks a phase."""

    entries: tuple[tuple[Entry, dict[str, str]], ...] = ()
    phase: bool = False
    head: bool = False


_NOTHING = _Meaning()


class Words:
    """The catalogue prepared for scanning: anchors to entries, and the shared expressions."""

    @staticmethod
    @lru_cache(maxsize=4)
    def of(catalog: Catalog) -> Words:
        """Return a catalogue's words; preparing them takes some 20 ms."""
        return Words(catalog)

    def __init__(self, catalog: Catalog) -> None:
        looked_for = [e for e in catalog.entries if e.anchors]
        quiet = [a for e in looked_for if e.quiet for a in e.anchors]
        anchors = [a for e in looked_for for a in e.anchors]
        self.scanner = Scanner([*anchors, *MARKS], [*quiet, *MARKS])
        self._by_anchor: dict[bytes, list[Entry]] = {}
        for entry in looked_for:
            for anchor in entry.anchors:
                self._by_anchor.setdefault(anchor.encode(), []).append(entry)

    def mean(self, message: bytes) -> _Meaning:
        """Return what a message says, apart from who says it and when."""
        anchors = self.scanner.anchors(message)
        if not anchors:
            return _NOTHING
        text = plain(message, 4000)
        if " pid=" in text:  # written on behind a progress bar
            text = text[parse_head(text, 0.0).length :]
        candidates = {e.id: e for anchor in anchors for e in self._by_anchor.get(anchor, ())}
        found = [(e, values) for e in candidates.values() if (values := e.match(text)) is not None]
        phase = text.startswith(MARKS)
        return _Meaning(tuple(found), phase, phase and is_run_head(text))


class LogReader:
    """Reads one log; keeps the runs it tells of. Not for several threads at once."""

    def __init__(self, node: str, file: str, words: Words, reference: float) -> None:
        self.node = node
        self.file = file
        self.runs = [Run()]
        self.lines = 0
        self.bytes = 0
        self._words = words
        self._scanner = words.scanner.share()
        self._reference = reference
        self._next_line = 1
        self._stamp: float | None = None
        self._zone: float | None = None
        self._known: dict[bytes, _Meaning] = {}

    @property
    def run(self) -> Run:
        """The last run."""
        return self.runs[-1]

    def take(self, block: bytes, first_line: int | None = None, at: float | None = None) -> None:
        """Read whole lines. ``block`` begins with a newline and ends without one.

        ``first_line`` is the number of its first line when it does not follow on the last one;
        ``at`` the time it was written at, for lines without a stamp (seconds).
        """
        if first_line is not None:
            self._next_line = first_line
        if self._stamp is None:
            self._stamp = at
        fresh, messages = self._scanner.interesting(block)
        wanted = self._wanted(fresh, messages)
        cut = self._run_begins(block, wanted)
        if cut:  # what stands above a restart belongs to the run before it
            self.take(block[:cut], None, at)
            self.take(block[cut:], None, at)
            return
        if wanted:
            self._look(block, wanted)
        self._errors(block)
        count = block.count(b"\n")
        self.lines += count
        self.bytes += len(block)
        self._next_line += count
        self._remember_stamp(block, at)

    def _run_begins(self, block: bytes, wanted: set[bytes]) -> int:
        heads = {m for m in wanted if self._meaning(m).head}
        for start, _, _ in self._scanner.places(block, heads) if heads else ():
            if start > 1:
                return start - 1
        return 0

    def _wanted(self, fresh: set[bytes], messages: list[bytes]) -> set[bytes]:
        """Return the messages to find the places of; those seen often enough are only counted."""
        wanted: set[bytes] = set()
        counted: dict[bytes, _Meaning] = {}
        for message in fresh:
            meaning = self._meaning(message)
            if not (meaning.entries or meaning.phase):
                self._scanner.dull(message)
            elif self._settled(message, meaning):
                counted[message] = meaning
            else:
                wanted.add(message)
        for message, count in self._scanner.count(messages, counted).items():
            for entry, _ in counted[message].entries:
                self.run.sights[entry.id].count += count
        return wanted

    def _meaning(self, message: bytes) -> _Meaning:
        meaning = self._known.get(message)
        if meaning is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            meaning = self._known[message] = self._words.mean(message)
        return meaning

    def _settled(self, message: bytes, meaning: _Meaning) -> bool:
        if meaning.head or (meaning.phase and not self.run.often(message)):
            return False
        sights = self.run.sights
        return all((s := sights.get(entry.id)) and s.settled for entry, _ in meaning.entries)

    def _look(self, block: bytes, wanted: set[bytes]) -> None:
        line, counted = self._next_line - 1, 0
        for start, end, message in self._scanner.places(block, wanted):
            line += block.count(b"\n", counted, start)
            counted = start
            meaning = self._meaning(message)
            raw = block[start : end + len(message)]
            text = plain(raw)
            head = parse_head(text, self._reference)
            place = self._place(line, text, head, block, start)
            self._see(meaning, head, place)

    def _see(self, meaning: _Meaning, head: Head, place: Place) -> None:
        early = any(entry.early for entry, _ in meaning.entries)
        if meaning.head or (early and self.run.phases.current.phase == GONE):
            self._new_run(place)
        if meaning.phase or any(not entry.quiet for entry, _ in meaning.entries):
            self._phase(place, place.text[head.length :])
        for entry, values in meaning.entries:
            if (head.quiet and not entry.quiet) or (head.mild and entry.explains_death):
                continue
            self.run.see(entry, place, values)

    def _phase(self, place: Place, message: str) -> None:
        seen = self.run.phases.message(message)
        if seen is None:
            return
        self.run.phase_since = place.time
        if seen.phase == SERVING:
            self.run.serving = place

    def _new_run(self, place: Place) -> None:
        run = self.run
        if run.sights or run.phases.current.phase != "starting" or run.errors.first():
            self.runs = [*self.runs[-31:], Run(first_line=place.line)]
        self.run.started = place.time
        self.run.head = True

    def _errors(self, block: bytes) -> None:
        errors = self.run.errors
        at = errors.starts_in(block, 1)
        line, counted = self._next_line, 1
        while 0 < at <= len(block):
            line += block.count(b"\n", counted, at)
            counted = at
            end = block.find(b"\n", at)
            end = len(block) if end < 0 else end
            text = plain(block[at:end])
            head = parse_head(text, self._reference)
            place = self._place(line, text, head, block, at)
            errors.take(head, text[head.length :], place)
            at = errors.starts_in(block, end + 1)

    # Time of a line: its own stamp, the daemon's, or that of the stamped line above it.

    def _place(self, line: int, text: str, head: Head, block: bytes, start: int) -> Place:
        stamp = self._own(head)
        if stamp is not None:
            self._span(stamp)
            return Place(self.node, self.file, line, text, stamp, True, head.process)
        time = self._above(block, start)
        return Place(self.node, self.file, line, text, time, False, head.process)

    def _above(self, block: bytes, start: int) -> float | None:
        floor = max(0, start - _BACK_BYTES)
        end = start - 1
        for _ in range(_LOOK_BACK):
            begin = block.rfind(b"\n", floor, end) if end > floor else -1
            if begin < 0:
                break
            stamp = self._own(parse_head(plain(block[begin + 1 : end]), self._reference))
            if stamp is not None:
                return stamp
            end = begin
        return self._stamp

    def _own(self, head: Head) -> float | None:
        if head.stamp is not None:
            if head.docker is not None:
                # The daemon writes UTC, vLLM the container's zone: they differ by quarter hours.
                self._zone = round((head.stamp - head.docker) / _QUARTER) * _QUARTER
            return head.stamp
        if head.docker is not None:
            return head.docker + (self._zone or 0.0)
        return None

    def _span(self, stamp: float) -> None:
        run = self.run
        if run.started is None:
            run.started = stamp
        run.ended = stamp

    def _remember_stamp(self, block: bytes, at: float | None) -> None:
        tail = (
            block[-_BACK_BYTES:].split(b"\n")[1:]
            if len(block) > _BACK_BYTES
            else block.split(b"\n")
        )
        for raw in reversed(tail[-_LOOK_BACK:]):
            stamp = self._own(parse_head(plain(raw), self._reference))
            if stamp is not None:
                self._stamp = stamp
                self._span(stamp)
                return
        if at is not None and self.run.ended is None:
            self._stamp = at
