"""Cutting the output of ``probe.sh`` into its sections.

The script prints a section as ``@@ section NAME STATUS MILLISECONDS``, then the probe's standard
output with a blank in front of every line and its standard error with ``!`` in front, so that no
content can be taken for a marker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glm47_tui.node.text import clean, to_int


@dataclass(frozen=True)
class Section:
    """What one probe answered.

    ``status`` is its exit code (127: the tool is not installed), None when it hit its limit.
    ``millis`` is how long it took, in milliseconds.
    """

    name: str
    status: int | None
    millis: int
    out: str = ""
    err: str = ""

    @property
    def timed_out(self) -> bool:
        """Whether the probe was ended by its limit."""
        return self.status is None

    @property
    def missing(self) -> bool:
        """Whether the tool the probe needs is not installed."""
        return self.status == 127

    @property
    def ok(self) -> bool:
        """Whether the probe ended with 0."""
        return self.status == 0


@dataclass(frozen=True)
class ProbeOutput:
    """All sections of one run, with the node's clock when it began and ended (ns since 1970).

    ``complete`` is False when the end mark is missing: the connection broke or the script died;
    ``failed`` holds its words when it could not even begin.
    """

    sections: Mapping[str, Section]
    clock_start_ns: int | None = None
    clock_end_ns: int | None = None
    complete: bool = False
    failed: str = ""

    def __getitem__(self, name: str) -> Section:
        """Return a section; one that was never printed counts as an empty, failed one."""
        return self.sections.get(name) or Section(name, 1, 0)


def _open(words: list[str]) -> Section | None:
    if len(words) < 5:
        return None
    status = None if words[3] == "timeout" else (to_int(words[3]) or 0)
    return Section(words[2], status, to_int(words[4]) or 0)


def split(text: str) -> ProbeOutput:
    """Cut the script's output; text outside sections (a login banner) is left out. Never raises.

    The outputs of two runs may stand one after the other: the later section of a name counts, and
    the clock of the first run.
    """
    done: dict[str, Section] = {}
    current: Section | None = None
    out: list[str] = []
    err: list[str] = []
    clock: tuple[int | None, int | None] = (None, None)
    complete = False
    failed = ""

    def close() -> None:
        if current is not None:
            done[current.name] = Section(
                current.name, current.status, current.millis, "\n".join(out), "\n".join(err)
            )
        out.clear()
        err.clear()

    for line in clean(text).split("\n"):
        if line.startswith("@@ "):
            close()
            words = line.split()
            current = _open(words) if words[1:2] == ["section"] else None
            if words[1:2] == ["clock"] and len(words) >= 4 and clock[0] is None:
                clock = (to_int(words[2]), to_int(words[3]))
            complete = complete or words[1:2] == ["end"]
            if words[1:2] == ["failed"]:
                failed = " ".join(words[2:])[:200]
        elif current is not None and line.startswith(" "):
            out.append(line[1:])
        elif current is not None and line.startswith("!"):
            err.append(line[1:])
    close()
    return ProbeOutput(done, clock[0], clock[1], complete, failed)
