"""The journal of a run on disk. It explains the past; it never decides the present."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from platformdirs import user_state_path

from glm47_tui.deploy.events import Event, LogLine, Progress, to_json

KEPT: Final = 20
"""Journals kept per profile; the oldest go first."""

LOG_BYTES: Final = 32 * 1024 * 1024
"""Bytes of node log in one journal; beyond that only events are written."""


def folder(profile: str) -> Path:
    """Where a profile's journals are (below ``$GLM47_TUI_HOME`` or the platform's state folder)."""
    home = os.environ.get("GLM47_TUI_HOME")
    base = Path(home) if home else user_state_path("glm47-tui", appauthor=False)
    return base / "journal" / profile


def journals(profile: str) -> tuple[Path, ...]:
    """Journals of a profile, the newest first."""
    place = folder(profile)
    return tuple(sorted(place.glob("*.jsonl"), reverse=True)) if place.is_dir() else ()


class Journal:
    """One file of a run: a JSON event a line, mode 0600.

    A disk that is full or read-only never ends a deployment: the journal goes silent and
    ``broken`` says why.
    """

    def __init__(self, profile: str) -> None:
        self.broken: str | None = None
        self.path: Path | None = None
        self._file: IO[str] | None = None
        self._lock = threading.Lock()
        self._log_bytes = 0
        try:
            self._file = self._open(profile)
        except OSError as error:
            self.broken = error.strerror or str(error)

    def _open(self, profile: str) -> IO[str]:
        place = folder(profile)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in journals(profile)[KEPT - 1 :]:
            old.unlink(missing_ok=True)
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S.%f")
        self.path = place / f"{stamp}-{os.getpid()}.jsonl"
        number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        return os.fdopen(number, "w", encoding="utf-8")

    def write(self, event: Event) -> None:
        """Append one event; events other than log lines and progress reach the disk at once."""
        line = json.dumps(to_json(event), ensure_ascii=False) + "\n"
        bulk = isinstance(event, (LogLine, Progress))
        with self._lock:
            if self._file is None:
                return
            if bulk:
                self._log_bytes += len(line)
                if self._log_bytes > LOG_BYTES:
                    return
            try:
                self._file.write(line)
                if not bulk:
                    self._file.flush()
            except OSError as error:
                self.broken = error.strerror or str(error)
                self._file = None

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            if self._file is not None:
                try:
                    self._file.close()
                except OSError as error:
                    self.broken = error.strerror or str(error)
                self._file = None
