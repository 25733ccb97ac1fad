"""Events of a run as lines: for people (with one living line on a terminal), or as JSON."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from glm47_tui.cli.words import labelled
from glm47_tui.deploy.events import (
    Diagnosed,
    EnginePhase,
    Event,
    LogLine,
    Progress,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Status,
    StepChanged,
    Verified,
    to_json,
)
from glm47_tui.errors import Exit
from glm47_tui.i18n import t

LAST_LINES = 60
"""Lines of a node shown when its step has failed."""
QUIET_S = 15.0
"""Without a terminal, a wait is mentioned again after this many seconds."""


def clock(seconds: float) -> str:
    """Return a duration as ``7s``, ``3m07s``, ``2h05m``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class JsonPrinter:
    """One JSON object a line on standard output."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print an event."""
        line = json.dumps(to_json(event), ensure_ascii=False)
        with self._lock:
            print(line, file=self._out, flush=True)

    def close(self) -> None:
        """Nothing is held back."""


class HumanPrinter:
    """Lines a person follows. ``verbose`` adds the lines that come from the nodes."""

    def __init__(self, *, verbose: bool = False, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._verbose = verbose
        self._living = self._out.isatty()
        self._alive = False
        self._said: dict[tuple[str, int | None], tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._stages: tuple[str, ...] = ()
        self._needed = 0
        self._verb = "deploy"
        self._recent: dict[tuple[str, int], deque[str]] = {}
        self._words: dict[type, Callable[[Event], str | None]] = {
            RunStarted: self._run_started,
            StageStarted: self._stage_started,
            StageEnded: lambda _event: None,
            StepChanged: self._step,
            LogLine: self._log,
            EnginePhase: self._phase,
            Diagnosed: self._diagnosed,
            Verified: self._verified,
            RunEnded: self._ended,
        }

    def __call__(self, event: Event) -> None:
        """Print an event."""
        with self._lock:
            if isinstance(event, Progress):
                self._progress(event)
                return
            words = self._words[type(event)](event)
            if words is not None:
                self._line(words)

    def close(self) -> None:
        """Wipe the living line."""
        with self._lock:
            self._wipe()

    def _line(self, text: str) -> None:
        self._wipe()
        print(text, file=self._out, flush=True)

    def _wipe(self) -> None:
        if self._alive:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._alive = False

    def _progress(self, event: Progress) -> None:
        node = "" if event.node is None else f"node{event.node} "
        share = "" if event.fraction is None else f" {event.fraction:4.0%}"
        limit = "" if event.limit_s is None else f" / {clock(event.limit_s)}"
        times = f" [{clock(event.elapsed_s)}{limit}]"
        text = f"  .. {node}{t(event.note)}{share}{times}"
        if self._living:
            width = shutil.get_terminal_size().columns - 1
            cut = text if cell_len(text) <= width else set_cell_size(text, width)
            self._out.write(f"\r\x1b[K{cut}")
            self._out.flush()
            self._alive = True
            return
        key = (event.stage, event.node)
        note, when = self._said.get(key, ("", 0.0))
        now = time.monotonic()
        if note != event.note.id or now - when >= QUIET_S:
            self._said[key] = (event.note.id, now)
            print(text, file=self._out, flush=True)

    def _run_started(self, event: Event) -> str:
        assert isinstance(event, RunStarted)  # noqa: S101
        self._stages = event.stages
        self._verb = event.verb
        key = "cli.run.dry" if event.dry_run else f"cli.run.{event.verb}"
        return t(key, profile=event.profile, nodes=", ".join(event.nodes))

    def _stage_started(self, event: Event) -> str:
        assert isinstance(event, StageStarted)  # noqa: S101
        place = self._stages.index(event.stage) + 1 if event.stage in self._stages else 0
        count = f"[{place}/{len(self._stages)}] " if place else ""
        return f"{count}{t(f'deploy.stage.{event.stage}')}"

    def _step(self, event: Event) -> str | None:
        assert isinstance(event, StepChanged)  # noqa: S101
        if event.status in (Status.WAITING, Status.LOOKING) and not self._verbose:
            return None
        self._needed += event.status is Status.NEEDED
        words = t(f"deploy.status.{event.status.value}")
        if event.note is not None:
            words = t("cli.run.noted", status=words, note=event.note)
        line = f"  {_MARK[event.status]} node{event.node} {words}"
        if event.status is Status.FAILED and not self._verbose:
            # What the node said in this stage was not shown while all seemed well.
            said = self._recent.get((event.stage, event.node), ())
            line = "\n".join([line, *(f"     node{event.node} | {text}" for text in said)])
        return line

    def _log(self, event: Event) -> str | None:
        assert isinstance(event, LogLine)  # noqa: S101
        kept = self._recent.setdefault((event.source, event.node), deque(maxlen=LAST_LINES))
        kept.append(event.text)
        return f"     node{event.node} | {event.text}" if self._verbose else None

    def _phase(self, event: Event) -> str | None:
        assert isinstance(event, EnginePhase)  # noqa: S101
        share = "" if event.fraction is None else f" {event.fraction:.0%}"
        words = f"  .. node{event.node} {t(f'deploy.phase.{event.phase.value}')}"
        key = (f"phase.{event.phase.value}", event.node)
        _, when = self._said.get(key, ("", 0.0))
        now = time.monotonic()
        first = when == 0.0
        if not first and now - when < QUIET_S:
            return None
        self._said[key] = ("", now)
        detail = f" ({event.detail})" if event.detail else ""
        return f"{words}{share}{detail}"

    def _diagnosed(self, event: Event) -> str:
        assert isinstance(event, Diagnosed)  # noqa: S101
        lines = [f"  !! node{event.node} {t(event.title)}"]
        if event.quote:
            where = f"{event.file}:{event.line}" if event.file else ""
            lines.append(f"     {where} > {event.quote}")
        lines.append(f"     {labelled('why', t(event.cause))}")
        lines.append(f"     {labelled('fix', t(event.fix))}")
        if event.command:
            lines.append(f"     $ {event.command}")
        return "\n".join(lines)

    def _verified(self, event: Event) -> str:
        assert isinstance(event, Verified)  # noqa: S101
        mark = "ok" if event.ok else "!!"
        return f"  {mark} {t(f'service.proof.{event.proof}')}: {t(event.note)}"

    def _ended(self, event: Event) -> str:
        assert isinstance(event, RunEnded)  # noqa: S101
        if event.exit_code == Exit.OK:
            nothing = "cli.run.nothing" if self._verb == "deploy" else "cli.run.nothing_left"
            key = "cli.run.ended" if event.changed else nothing
            if self._needed:
                key = "cli.run.planned"
            time_s = f"{event.seconds:.1f}"
            return t(key, changed=event.changed, needed=self._needed, time=time_s)
        node = "" if event.node is None else f"node{event.node}: "
        what = t(event.what) if event.what else t("cli.run.failed")
        lines = [labelled("label", f"{node}{what}")]
        if event.why is not None:
            lines.append(labelled("why", t(event.why)))
        if event.fix is not None:
            lines.append(labelled("fix", t(event.fix)))
        return "\n".join(lines)


_MARK = {
    Status.WAITING: "  ",
    Status.LOOKING: "..",
    Status.PRESENT: "ok",
    Status.APPLYING: "->",
    Status.APPLIED: "ok",
    Status.NEEDED: "+ ",
    Status.SKIPPED: "- ",
    Status.FAILED: "!!",
    Status.UNDONE: "<-",
}
