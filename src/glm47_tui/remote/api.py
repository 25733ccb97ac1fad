"""What other rooms know of a connection: its types, and what it asks of a user.

No paramiko here: consumers and tests can import this module alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from glm47_tui.i18n import Msg

NoteSink = Callable[[str, Msg], None]
"""Called with a node's name and what is being done or waited for while connecting."""

LineSink = Callable[[str, str], None]
"""Called with ``("out" | "err", line)``: one cleaned line without its end, on the thread that waits
in ``run``. A line redrawn by carriage returns (a progress bar) is told at each redraw."""


@dataclass(frozen=True)
class Result:
    """What a finished command left.

    ``out`` and ``err`` are decoded as UTF-8 (bad bytes replaced), not cleaned; ``code`` is the exit
    code, ``seconds`` how long it took. ``cut`` tells that output beyond the limit was dropped.
    """

    out: str
    err: str
    code: int
    seconds: float
    cut: bool = False

    @property
    def ok(self) -> bool:
        """Whether the command ended with 0."""
        return self.code == 0

    @property
    def facts(self) -> tuple[tuple[str, ...], ...]:
        """The machine's lines (``@@ key value ...``), split into words, in order."""
        lines = self.out.replace("\r", "").split("\n")
        return tuple(tuple(x.split()[1:]) for x in lines if x.startswith("@@ ") and x.split()[1:])

    def fact(self, key: str) -> str | None:
        """Return the value of the last ``@@ key value`` line, None when there is none."""
        found = [words for words in self.facts if words[0] == key]
        return " ".join(found[-1][1:]) if found else None


@dataclass(frozen=True)
class PushFile:
    """One file to lay on a node: absolute path there, content, permission bits."""

    path: str
    data: bytes
    mode: int = 0o644


SecretKind = Literal["password", "passphrase", "sudo", "prompt"]


@dataclass(frozen=True)
class SecretRequest:
    """A secret the connection needs now.

    ``where`` names what it opens (``root@10.77.0.10:22``, or the key file); ``prompt`` holds the
    server's words for keyboard-interactive; ``attempt`` counts from 1: above 1 the last one failed.
    """

    kind: SecretKind
    node: str
    where: str
    prompt: str = ""
    attempt: int = 1
    echo: bool = False


@dataclass(frozen=True)
class HostKey:
    """A host key nobody vouched for yet: shown to the user before anything is sent."""

    node: str
    host: str
    port: int
    kind: str
    """Key type, for example ``ssh-ed25519``."""
    fingerprint: str
    """``SHA256:...`` as ``ssh-keygen -l`` prints it."""


class Ask(Protocol):
    """Whoever can answer for the user: a dialog, a terminal, the environment, or nobody.

    Called from connection threads; an implementation may block for as long as the user thinks (the
    limits on waiting do not count that time).
    """

    def secret(self, request: SecretRequest) -> str | None:
        """Return the secret, or None when there is none to give."""

    def host_key(self, key: HostKey) -> Literal["once", "save", "refuse"]:
        """Decide on an unknown host key. A changed key is never asked about: it is refused."""


class Nobody:
    """Answers for an unattended run: no secret, no unknown key."""

    def secret(self, request: SecretRequest) -> str | None:
        """Return None."""
        del request
        return None

    def host_key(self, key: HostKey) -> Literal["once", "save", "refuse"]:
        """Refuse."""
        del key
        return "refuse"


class Stream(Protocol):
    """A command that goes on: its lines arrive at the sink given to ``Connection.stream``."""

    def send(self, data: bytes) -> None:
        """Write to the command's standard input (after the script). RemoteError when it is gone."""

    def close(self) -> None:
        """End the command and its reader; safe to call twice and from any thread."""

    @property
    def ended(self) -> bool:
        """Whether no more lines will come."""


class Forward(Protocol):
    """A local port that leads to a port of the node."""

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""

    def close(self) -> None:
        """Close the port and what runs through it."""


class Connection(Protocol):
    """One multiplexed SSH connection to a node. Thread-safe. Every wait has a limit."""

    @property
    def name(self) -> str:
        """``node0`` and so on."""

    @property
    def alive(self) -> bool:
        """Whether the transport is up as far as this side knows."""

    def run(
        self,
        script: str,
        *args: str,
        timeout: float,
        secrets: Mapping[str, str] | None = None,
        on_line: LineSink | None = None,
        cancel: threading.Event | None = None,
    ) -> Result:
        """Send a script to ``bash -s -- ARGS`` and wait for its end. Its standard input is empty.

        ``timeout`` is seconds for the whole; ``secrets`` become ``NAME='value'`` lines in front of
        the script on standard input; ``on_line`` sees lines as they come; ``cancel`` ends the
        command early. Raises RemoteError (cut connection, limit reached, cancelled); an exit code
        other than 0 is no error here. A command that is left (limit, cancel, cut, ``close``) is
        ended on the node with its process group: TERM, KILL 2 s later.
        """

    def stream(
        self,
        script: str,
        *args: str,
        on_lines: Callable[[Sequence[str]], None],
        on_end: Callable[[Exception | None], None] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Stream:
        """Start a long-lived script; batches of cleaned lines arrive on a daemon thread.

        Standard error is merged in. There is exactly one item a newline, empty lines included;
        a last line without newline is told only when the command ended by itself. ``on_end`` is
        called once: None when the command ended by itself or was closed, else the RemoteError.
        """

    def push(self, files: Sequence[PushFile], *, timeout: float = 60.0) -> None:
        """Write files whole or not at all (temporary name, then rename), making folders."""

    def send_file(
        self, local: str, remote: str, *, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Copy one large local file to the node, whole or not at all; no limit but on silence."""

    def fetch_file(
        self, remote: str, local: str, *, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Copy one large file of the node to a local path, whole or not at all."""

    def forward(self, port: int, host: str = "127.0.0.1") -> Forward:
        """Open a local port that leads to ``host:port`` as the node sees it."""

    def close(self) -> None:
        """Close everything; safe to call twice."""


@dataclass
class Fleet:
    """Connections of a profile by node number, and why the others could not be made."""

    connections: dict[int, Connection] = field(default_factory=dict)
    failures: dict[int, Exception] = field(default_factory=dict)

    def close(self) -> None:
        """Close all connections side by side; takes a few seconds at most."""
        closers = [
            threading.Thread(target=connection.close, name="ssh-close", daemon=True)
            for connection in self.connections.values()
        ]
        for closer in closers:
            closer.start()
        end = time.monotonic() + 5.0
        for closer in closers:
            closer.join(max(0.0, end - time.monotonic()))
