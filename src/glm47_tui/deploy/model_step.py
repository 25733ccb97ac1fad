"""The weights: complete by their index, or downloaded on consent by the guide's script."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from glm47_tui.deploy.consent import Question
from glm47_tui.deploy.errors import Halted, failed
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.steps import Step
from glm47_tui.deploy.survey import State, read_state
from glm47_tui.i18n import Msg

POLL_S: Final = 3.0
WINDOW_S: Final = 60.0
"""The rate is that of the last minute."""
TOKEN: Final = "MODELSCOPE_API_TOKEN"  # noqa: S105 - the name of a secret, not one


def size_words(count: float) -> str:
    """Return bytes as people say them (``716.7 GB``; decimal, as disks and networks count)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} TB"


def time_words(seconds: float) -> str:
    """Return a duration as ``2h05m`` or ``3m07s``."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 60}m{whole % 60:02d}s" if whole >= 60 else f"{whole}s"


def read_bytes(state: State) -> tuple[int, int]:
    """Return (bytes that are here, bytes that the index wants or 0)."""
    words = (state.fact("bytes") or "0 0").split()
    have, want = [int(word) if word.isdigit() else 0 for word in [*words, "0", "0"][:2]]
    return have, want


class Rate:
    """Bytes per second over the last minute, and the time that is left."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        """Take a reading."""
        self._seen.append((now, count))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def per_s(self) -> float | None:
        """Bytes per second, None before there are two readings."""
        if len(self._seen) < 2 or self._seen[-1][0] <= self._seen[0][0]:
            return None
        first, last = self._seen[0], self._seen[-1]
        return max(0.0, (last[1] - first[1]) / (last[0] - first[0]))


@dataclass(frozen=True)
class Model(Step):
    """The model's folder on the node."""

    id: str = "model"
    cancel: bool = True

    def limit(self, run: Run) -> float:
        """Seconds for the download, by the profile."""
        return run.profile.limits.download_h * 3600.0

    def present(self, run: Run, node: Node, state: State) -> Msg | None:
        """Name folder, files and size."""
        have, _ = read_bytes(state)
        files = (state.fact("files") or "1").split()[0]
        path = run.profile.model_path(node.index)
        return Msg.of("deploy.note.model", path=path, files=files, size=size_words(have))

    def needed(self, run: Run, node: Node, state: State) -> Msg | None:
        """How much is missing."""
        have, want = read_bytes(state)
        path = run.profile.model_path(node.index)
        if want:
            return Msg.of(
                "deploy.needed.model_rest", path=path, have=size_words(have), want=size_words(want)
            )
        return Msg.of("deploy.needed.model", path=path, repo=run.profile.model.repo)

    def decide(self, run: Run, node: Node, state: State) -> tuple[str, ...] | None:
        """Ask, unless a download of an earlier run is still at work."""
        if _progress(run, node).word == "done":
            return ()
        run.ask(
            Question(
                id="model.download",
                node=node.index,
                text=Msg.of(
                    "deploy.question.model",
                    node=node.name,
                    repo=run.profile.model.repo,
                    path=run.profile.model_path(node.index),
                ),
                options=("download", "stop"),
                default="download",
                details=state.lines,
            )
        )
        return ()

    def apply(self, run: Run, node: Node, state: State, args: tuple[str, ...]) -> None:
        """Start the download and follow it to its end."""
        del state, args
        token = run.secret(TOKEN)
        result = run.call(
            node, self.id, "apply",
            stage=self.id, timeout=120, secrets={"TOKEN": token} if token else None,
        )  # fmt: skip
        self.must(run, node, result)
        try:
            self._follow(run, node)
        except Halted:
            run.call(node, self.id, "cancel", stage=self.id, timeout=60, quiet=True)
            raise

    def _follow(self, run: Run, node: Node) -> None:
        begin = time.monotonic()
        limit = self.limit(run)
        rate = Rate()
        while True:
            state = _progress(run, node)
            if state.word not in ("done", "differs"):
                self._ended(run, node, state)
                return
            now = time.monotonic()
            have, want = read_bytes(state)
            rate.add(now, have)
            if now - begin > limit:
                raise failed("download_limit", hours=run.profile.limits.download_h)
            share = min(1.0, have / want) if want else None
            run.progress(
                self.id, node.index, _words(have, want, rate.per_s),
                fraction=share, elapsed=now - begin, limit=limit,
            )  # fmt: skip
            if run.halt.wait(min(POLL_S, 0.5 + (now - begin) / 10)):
                raise Halted

    def _ended(self, run: Run, node: Node, state: State) -> None:
        code = state.fact("rc")
        if code == "0":
            return
        result = run.call(node, self.id, "last", "40", stage=self.id, timeout=30, tries=2)
        lines = [line for line in result.out.splitlines() if line.strip()]
        run.causes.feed(node.index, lines, "modelscope")
        line = lines[-1] if lines else "-"
        raise failed("download", code=code or "?", line=line[:300])

    def half(self, run: Run, node: Node) -> Msg | None:
        """The download was ended; what came stays."""
        del run, node
        return Msg.of("deploy.half.model")


def _progress(run: Run, node: Node) -> State:
    result = run.call(
        node, "model", "progress", stage="model", timeout=120, tries=3, cancel=True, quiet=True
    )
    return read_state(result.out.splitlines(), result.code)


def _words(have: int, want: int, per_s: float | None) -> Msg:
    rate = "-" if per_s is None else f"{size_words(per_s)}/s"
    if not want:
        return Msg.of("deploy.progress.download_open", have=size_words(have), rate=rate)
    left = "-" if not per_s else time_words(max(0, want - have) / per_s)
    return Msg.of(
        "deploy.progress.download",
        have=size_words(have), want=size_words(want), rate=rate, left=left,
    )  # fmt: skip
