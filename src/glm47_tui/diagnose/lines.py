"""What stands around a message on a log line: process, level, stamp.

Layouts: vLLM 0.13.0 (``(Worker_TP3 pid=412) ERROR 12-27 10:11:12 [core.py:866] ...``, the process
coloured unless NO_COLOR is set, every line of a traceback with the full prefix and ``\\r`` at its
end), uvicorn (``INFO:     ...``), torch's glog lines (``[rank3]:[W1227 10:11:12.123 file:1] ...``,
from Python ``W1227 10:11:12.123000 412 file:1] ...``), HCCL and plog
(``[ERROR] HCCL(412,python):2026-01-12-10:53:02.123.456 [...]``), torch_npu
(``[ERROR] 2026-01-12-10:53:02 (PID:412, Device:0, RankID:3) ...``),
any of them behind ``docker logs --timestamps``.

Stamps of vLLM name neither year nor zone. All stamps are read as if they were UTC: the clocks of
one deployment's files agree that way, and the order is what counts.
"""

from __future__ import annotations

import calendar
import re
import time
from dataclasses import dataclass
from functools import lru_cache

ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_TEXT_LIMIT = 1000

QUIET_LEVELS = frozenset({"INFO", "DEBUG", "EVENT"})

_HEAD = re.compile(
    r"""
    \r?
    (?P<docker>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*[ ])?
    (?:\((?P<proc>[^\s()]+(?:[ ][\w=]+)?[ ]pid=\d+)\)[ ])*
    (?:
        (?P<level>[A-Z]{4,8})[ ](?P<month>\d\d)-(?P<day>\d\d)[ ](?P<clock>\d\d:\d\d:\d\d)
            (?:[.,]\d+)?[ ]\[[^\]]*\][ ]
      | (?P<uvicorn>[A-Z]{4,8}):[ ]+
      | (?:\[rank(?P<rank>\d+)\]:)?
            \[(?P<glog>[IWEF])(?P<gmonth>\d{1,2})(?P<gday>\d\d)[ ](?P<gclock>\d\d:\d\d:\d\d)
            (?:\.\d+)?[ ][^\]]*\][ ]
      | (?P<pylog>[IWEF])(?P<pmonth>\d\d)(?P<pday>\d\d)[ ](?P<ptime>\d\d:\d\d:\d\d)\.\d+[ ]
            (?P<ppid>\d+)[ ][^\]]*\][ ]
      | \[rank(?P<trank>\d+)\]:[ ]
      | \[(?P<plog>[A-Z]{4,8})\][ ]?\w+\((?P<pid>\d+),[^)]*\):[ ]?
            (?P<pdate>\d{4}-\d\d-\d\d)-(?P<pclock>\d\d:\d\d:\d\d)[\d.]*[ ]?
      | \[(?P<npu>[A-Z]{4,8})\][ ](?P<ndate>\d{4}-\d\d-\d\d)-(?P<nclock>\d\d:\d\d:\d\d)\S*[ ]
            (?:\(PID:(?P<npid>\d+)[^)]*\)[ ])?
      | (?P<idate>\d{4}-\d\d-\d\d)[ T](?P<iclock>\d\d:\d\d:\d\d)
            (?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?:[ ]-[ ]|[ ])
            (?:(?P<ilevel>DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b)?
    )?
    """,
    re.VERBOSE,
)
_YEARLESS = (("month", "day", "clock"), ("gmonth", "gday", "gclock"), ("pmonth", "pday", "ptime"))
_GLOG_LEVELS = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}
# A progress bar ends without a newline, so another process may write on behind it.
_INNER = re.compile(r"\([^\s()]+(?: [\w=]+)? pid=\d+\) (?:[A-Z]{4,8} \d\d-\d\d |[A-Z]{4,8}: )")


@dataclass(frozen=True)
class Head:
    """A line's prefix. ``stamp`` in seconds (see above), ``docker`` the daemon's own."""

    process: str = ""
    level: str = ""
    stamp: float | None = None
    docker: float | None = None
    length: int = 0
    """Characters of the line the prefix takes."""

    @property
    def quiet(self) -> bool:
        """True for INFO and DEBUG: what such a line quotes is no evidence."""
        return self.level in QUIET_LEVELS

    @property
    def mild(self) -> bool:
        """True for warnings of vLLM and plog: nobody dies of these. (torch's are another matter:
        its warnings of level W are all that is ever said of a connection that fails.)"""
        return self.level == "WARNING"


def plain(raw: bytes, limit: int = _TEXT_LIMIT) -> str:
    """Return a line as text to show: no escape codes, no control characters, bounded."""
    if b"\x1b" in raw:
        raw = ESCAPES.sub(b"", raw[: 4 * limit])
    text = raw[: 4 * limit].decode("utf-8", "replace").strip("\r\n")
    if "\r" in text:  # a progress bar redrawn in place: what counts is what stood there last
        text = text.rpartition("\r")[2] or text
    return _CONTROL.sub("", text)[:limit]


def parse_head(text: str, reference: float) -> Head:
    """Return the prefix of a line (as :func:`plain` gives it).

    ``reference`` is about when the log was written, in seconds since 1970: stamps without a year
    get the year that puts them at or before it.
    """
    found = _HEAD.match(text)
    if found is None:
        return Head()
    docker, at = found["docker"], 0
    if " pid=" in text[found.end() :]:
        for inner in _INNER.finditer(text, found.end()):
            at = inner.start()
        found = _HEAD.match(text[at:]) or found
    g = found.groupdict()
    glog = g["glog"] or g["pylog"]
    level = g["level"] or g["uvicorn"] or g["plog"] or g["npu"] or g["ilevel"] or ""
    process = g["proc"] or ""
    if not process:
        if pid := g["pid"] or g["npid"] or g["ppid"]:
            process = f"pid={pid}"
        elif g["rank"] or g["trank"]:
            process = f"rank{g['rank'] or g['trank']}"
    return Head(
        process=process,
        level=_GLOG_LEVELS[glog] if glog else level,
        stamp=_stamp(g, reference),
        docker=_iso(docker.strip()) if docker else None,
        length=at + found.end(),
    )


def _stamp(g: dict[str, str | None], reference: float) -> float | None:
    for date, clock in (("pdate", "pclock"), ("ndate", "nclock"), ("idate", "iclock")):
        if g[date]:
            return _iso(f"{g[date]}T{g[clock]}")
    for month, day, clock in _YEARLESS:
        if g[month]:
            return _yearless(f"{g[month]}", f"{g[day]}", f"{g[clock]}", reference)
    return None


def _yearless(month: str, day: str, clock: str, reference: float) -> float | None:
    year = time.gmtime(max(reference, 0.0)).tm_year
    for candidate in (year, year - 1):
        stamp = _iso(f"{candidate}-{int(month):02d}-{day}T{clock}")
        # Two days of room: the reference may be in another time zone, or a little old.
        if stamp is not None and stamp <= reference + 172_800:
            return stamp
    return None


def _iso(text: str) -> float | None:
    midnight = _midnight(text[:10])
    if midnight is None:
        return None
    return midnight + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])


@lru_cache(maxsize=64)
def _midnight(date: str) -> float | None:
    try:
        return float(calendar.timegm(time.strptime(date, "%Y-%m-%d")))
    except (ValueError, OverflowError):
        return None
