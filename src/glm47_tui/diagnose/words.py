"""A report in words, and as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from glm47_tui.diagnose.catalog import Catalog
from glm47_tui.diagnose.files import diagnose_files
from glm47_tui.diagnose.report import Cause, NodePhase, Place, Report, Stall
from glm47_tui.errors import Exit
from glm47_tui.i18n import language, t

_INDENT = "   "
_QUOTE = 400
_NOTES = 8


def report_to_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON data: texts in the current language, everything else as it is."""
    return {
        "causes": [_cause_json(cause) for cause in report.causes],
        "notes": [_cause_json(note) for note in report.notes],
        "stalls": [_stall_json(stall) for stall in report.stalls],
        "first_error": _place_json(report.first_error),
        "exception": _place_json(report.exception),
        "phases": [
            {"node": p.node, "phase": p.phase, "fraction": p.fraction, "detail": p.detail}
            for p in report.phases
        ],
        "files": list(report.files),
        "skipped_runs": report.skipped_runs,
        "lines": report.lines,
        "bytes": report.bytes,
    }


def _cause_json(cause: Cause) -> dict[str, Any]:
    return {
        "entry": cause.entry,
        "certainty": cause.certainty,
        "title": t(cause.title),
        "cause": t(cause.cause),
        "fix": t(cause.fix),
        "command": cause.command,
        **(_place_json(cause.place) or {}),
        "count": cause.count,
        "values": dict(cause.values),
        "refs": list(cause.refs),
        "consequences": list(cause.consequences),
        "also": [_place_json(place) for place in cause.also],
    }


def _stall_json(stall: Stall) -> dict[str, Any]:
    return {
        "node": stall.node,
        "phase": stall.phase,
        "waits_for": stall.waits_for,
        "since_s": round(stall.since_s, 1),
        "text": t(stall.text),
        "fix": t(stall.fix),
        "command": stall.command,
    }


def _place_json(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "node": place.node,
        "file": place.file,
        "line": place.line,
        "text": place.text,
        "time": place.time,
        "process": place.process,
    }


def report_lines(report: Report) -> list[str]:
    """Return the report as lines of text, in the current language."""
    return list(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield _summary(report)
    if report.skipped_runs:
        yield t("diagnose.report.skipped", count=report.skipped_runs)
    for number, cause in enumerate(report.causes, 1):
        yield ""
        yield from _cause_lines(number, cause)
    if report.first_error is not None:
        yield ""
        yield from _error_lines(report)
    if report.stalls:
        yield ""
        yield t("diagnose.report.stalls")
        for stall in report.stalls:
            yield from _stall_lines(stall)
    if report.notes:
        yield ""
        yield t("diagnose.report.notes")
        yield from (f"{_INDENT}- {t(n.title)}  ({_where(n.place)})" for n in report.notes[:_NOTES])
    if report.phases and (report.causes or report.stalls or report.first_error is None):
        yield ""
        yield t("diagnose.report.phases")
        yield from (_INDENT + _phase_line(p) for p in report.phases)


def _summary(report: Report) -> str:
    if not report.lines:
        return t("diagnose.report.empty")
    words = {"lines": f"{report.lines:,}", "files": len(report.files)}
    if report.causes:
        return t("diagnose.report.found", causes=len(report.causes), **words)
    return t("diagnose.report.none" if report.first_error else "diagnose.report.clean", **words)


def _cause_lines(number: int, cause: Cause) -> Iterator[str]:
    certainty = t(f"diagnose.certainty.{cause.certainty}")
    yield f"{number}. {t(cause.title)}  [{certainty}]"
    yield _labelled("where", _where(cause.place))
    yield f"{_INDENT}> {cause.place.text[:_QUOTE]}"
    yield _labelled("why", t(cause.cause))
    yield _labelled("fix", t(cause.fix))
    if cause.command:
        yield _labelled("command", f"$ {cause.command}")
    if cause.also:
        yield _labelled("also", _also(cause))
    if cause.count > 1:
        yield _labelled("seen", t("diagnose.label.times", count=cause.count))
    if explained := [title for id_ in cause.consequences if (title := _title(id_))]:
        yield _labelled("explains", _listed(explained))
    if cause.refs:
        yield _labelled("sources", _listed(cause.refs))


def _error_lines(report: Report) -> Iterator[str]:
    for place, id_ in ((report.first_error, "first_error"), (report.exception, "exception")):
        if place is not None:
            yield t(f"diagnose.report.{id_}")
            yield f"{_INDENT}{_where(place)}"
            yield f"{_INDENT}> {place.text[:_QUOTE]}"
    yield _labelled("fix", t("diagnose.report.no_match_fix"))


def _stall_lines(stall: Stall) -> Iterator[str]:
    yield f"{_INDENT}- {t(stall.text)}"
    yield f"{_INDENT}  {t('diagnose.label.fix')}{_colon()}{t(stall.fix)}"
    if stall.command:
        yield f"{_INDENT}  $ {stall.command}"


def _phase_line(seen: NodePhase) -> str:
    return t("diagnose.report.phase", node=seen.node, phase=phase_words(seen))


def phase_words(seen: NodePhase) -> str:
    """Return a phase as people read it: its share where it is known, and the log's own detail."""
    share = "" if seen.fraction is None else f" {seen.fraction:.0%}"
    detail = t("diagnose.report.detail", detail=seen.detail) if seen.detail else ""
    return t(f"diagnose.phase.{seen.phase}") + share + detail


def _also(cause: Cause) -> str:
    places = [_short(place) for place in cause.also[:3]]
    left = len(cause.also) - len(places)
    return _listed([*places, t("diagnose.label.more", count=left)] if left else places)


def _title(entry: str) -> str:
    """What an explained entry is called; "" for messages that only say that something failed."""
    known = Catalog.load().by_id.get(entry)
    if known is None:
        return entry
    return "" if known.kind == "secondary" else t(known.say("title", {}))


def _short(place: Place) -> str:
    process = f" {place.process}" if place.process else ""
    return f"{place.node}{process} :{place.line}"


def _where(place: Place) -> str:
    file = f"{place.file}:{place.line}" if place.file else f":{place.line}"
    process = f"  ({place.process})" if place.process else ""
    stamp = "" if place.time is None else time.strftime("  %m-%d %H:%M:%S", time.gmtime(place.time))
    return f"{place.node}  {file}{process}{stamp}"


def _labelled(label: str, text: str) -> str:
    return f"{_INDENT}{t(f'diagnose.label.{label}')}{_colon()}{text}"


def _colon() -> str:
    return "：" if language() == "zh_CN" else ": "


def _listed(words: Iterable[str]) -> str:
    return ("；" if language() == "zh_CN" else "; ").join(words)


def main_diagnose(paths: Iterable[str], as_json: bool, out: Callable[[str], object]) -> int:
    """Read logs, print the report by ``out``, return the exit code (4 when a cause was found)."""
    report = diagnose_files(paths)
    if as_json:
        import json

        out(json.dumps(report_to_json(report), ensure_ascii=False, indent=2))
    else:
        for line in report_lines(report):
            out(line)
    return int(Exit.CHECK_FAILED if report.causes else Exit.OK)
