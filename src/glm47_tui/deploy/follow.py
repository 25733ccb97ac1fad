"""Reads a log that grows, across cut connections and restarts: no line lost, none twice."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from glm47_tui.deploy.errors import Halted, internal
from glm47_tui.deploy.run import Node, Run
from glm47_tui.errors import UserError
from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Stream

_NEW_FILE = re.compile(
    r"tail: .*(has been replaced|has appeared|file truncated|has become accessible)"
)
_TAIL_WORDS = re.compile(r"tail: (cannot open|'[^']*' has become inaccessible|.*: file truncated)")
_MARKER = re.compile(r"@@ (log [0-9]+|engine (dead|missing) \S+)$")
"""Only these are the script's own; an engine may well log a diff, whose hunks begin with @@."""


@dataclass
class Position:
    """Where a follower stands. ``lines`` of the file ``file`` (its inode) were handed over."""

    lines: int = 0
    file: str = ""


Take = Callable[[Sequence[str], int], None]
"""Called with lines of the log and the number of the first one in its file (from 1)."""


class Follower:
    """Follows a node's engine log on daemon threads of the connection.

    ``verb`` is ``follow`` (without an end) or ``watch`` (until the engine ends; then ``on_engine``
    gets the words of ``@@ engine``). ``on_end`` is called once when no more lines will come, with
    the error if there was one.
    """

    def __init__(
        self,
        run: Run,
        node: Node,
        take: Take,
        *,
        stage: str,
        verb: str = "follow",
        first: int = 1,
        file: str = "",
        on_engine: Callable[[tuple[str, ...]], None] | None = None,
        on_end: Callable[[UserError | None], None] | None = None,
    ) -> None:
        self._run = run
        self._node = node
        self._take = take
        self._stage = stage
        self._verb = verb
        self._on_engine = on_engine
        self._on_end = on_end
        self._position = Position(first - 1, file)
        self._stream: Stream | None = None
        self._closed = threading.Event()
        self._done = threading.Event()
        self._over = False
        threading.Thread(target=self._live, name=f"follow-{node.name}", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether no more lines will come."""
        return self._done.is_set()

    def send(self, data: bytes) -> None:
        """A log takes no input."""
        raise NotImplementedError

    def close(self) -> None:
        """End; safe to call twice and from any thread."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        return self._done.wait(seconds)

    def _live(self) -> None:
        error: UserError | None = None
        try:
            with suppress(Halted):
                while not self._closed.is_set() and not self._over:
                    self._once()
        except UserError as caught:
            error = caught
        finally:
            self._done.set()
            if self._on_end is not None:
                self._on_end(error)

    def _once(self) -> None:
        """One connection's worth of lines. Raises what cannot be healed."""
        gone = threading.Event()
        errors: list[Exception] = []

        def on_end(error: Exception | None) -> None:
            if error is not None:
                errors.append(error)
            gone.set()

        connection = self._run.links.again(self._node.index, self._stage)
        try:
            self._stream = connection.stream(
                self._run.script(self._node, "launch"),
                self._verb,
                *self._arguments(),
                on_lines=self._lines,
                on_end=on_end,
            )
        except RemoteError as error:
            errors.append(error)
            gone.set()
        if self._closed.is_set():
            self.close()
        gone.wait()
        if self._closed.is_set() or self._over:
            return
        if errors and connection.alive and not _healable(errors[0]):
            raise errors[0] if isinstance(errors[0], UserError) else internal(errors[0])
        # The reader on the node ended, or the connection was cut: begin again where we stand.
        if self._closed.wait(1.0) or self._run.halt.is_set():
            raise Halted

    def _arguments(self) -> tuple[str, ...]:
        first = str(self._position.lines + 1)
        if self._verb == "follow" and self._position.file:
            return first, self._position.file
        return (first,)

    def _lines(self, batch: Sequence[str]) -> None:
        if self._closed.is_set():
            return
        clean: list[str] = []
        for line in batch:
            if _MARKER.match(line):
                self._hand_over(clean)
                clean = []
                self._marker(tuple(line.split()[1:]))
            elif _NEW_FILE.match(line):
                self._hand_over(clean)
                clean = []
                self._position = Position(0, "")
            elif not _TAIL_WORDS.match(line):
                clean.append(line)
        self._hand_over(clean)

    def _hand_over(self, lines: list[str]) -> None:
        if lines:
            first = self._position.lines + 1
            self._position.lines += len(lines)
            self._take(lines, first)

    def _marker(self, words: tuple[str, ...]) -> None:
        if words[:1] == ("log",) and len(words) > 1:
            if self._position.file not in ("", words[1]):
                self._position.lines = 0
            self._position.file = words[1]
        elif words[:1] == ("engine",):
            self._over = True
            if self._on_engine is not None:
                self._on_engine(words[1:])


def _healable(error: Exception) -> bool:
    return isinstance(error, RemoteError) and error.kind in ("lost", "sessions")
