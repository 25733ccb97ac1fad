"""SSH servers that OpenSSH without PAM cannot be made into: keyboard-interactive, two steps, moody.

They speak real SSH (paramiko's server side) and run commands by the machine's own shell.
"""

from __future__ import annotations

import contextlib
import io
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import paramiko
from paramiko.server import InteractiveQuery


@dataclass
class Rules:
    """What a server asks for. ``questions`` are prompts and answers of keyboard-interactive."""

    methods: tuple[str, ...] = ("password",)
    password: str | None = None
    questions: Sequence[tuple[str, str]] = ()
    then: tuple[str, ...] = ()
    """Methods wanted after the first one succeeded (two steps)."""
    key: paramiko.PKey | None = None
    channels: Callable[[int], bool] = lambda count: True
    """Whether the n-th session (from 1) may be opened."""
    runs: Callable[[str], bool] = lambda command: True
    """Whether a command may be run."""
    seen: list[str] = field(default_factory=list)
    """Methods that were tried, in order."""


class _Server(paramiko.ServerInterface):
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._done: set[str] = set()
        self._sessions = 0

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(self._rules.then if self._done else self._rules.methods)

    def _passed(self, method: str) -> int:
        self._done.add(method)
        wanted = {method, *self._rules.then}
        if self._done >= wanted:
            return paramiko.AUTH_SUCCESSFUL
        return paramiko.AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_none(self, username: str) -> int:
        self._rules.seen.append("none")
        return paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self._rules.seen.append("password")
        allowed = self.get_allowed_auths(username).split(",")
        if "password" in allowed and password == self._rules.password:
            return self._passed("password")
        return paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._rules.seen.append("publickey")
        if self._rules.key is not None and key.asbytes() == self._rules.key.asbytes():
            return self._passed("publickey")
        return paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        self._rules.seen.append("keyboard-interactive")
        if "keyboard-interactive" not in self.get_allowed_auths(username).split(","):
            return paramiko.AUTH_FAILED
        return InteractiveQuery("", "", *[(q, False) for q, _ in self._rules.questions])

    def check_auth_interactive_response(self, responses: Any) -> int:
        if list(responses) == [a for _, a in self._rules.questions]:
            return self._passed("keyboard-interactive")
        return paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._sessions += 1
        if self._rules.channels(self._sessions):
            return paramiko.OPEN_SUCCEEDED
        return paramiko.OPEN_FAILED_CONNECT_FAILED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if not self._rules.runs(command.decode()):
            return False
        threading.Thread(target=_run, args=(channel, command.decode()), daemon=True).start()
        return True


def _run(channel: paramiko.Channel, command: str) -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip

    def feed() -> None:
        with contextlib.suppress(OSError):
            while data := channel.recv(65536):
                process.stdin.write(data)
                process.stdin.flush()
            process.stdin.close()

    def drain(pipe: io.BufferedReader, sink: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while data := pipe.read1(65536):
                sink(data)

    threading.Thread(target=feed, daemon=True).start()
    pumps = [
        threading.Thread(target=drain, args=(process.stdout, channel.sendall), daemon=True),
        threading.Thread(target=drain, args=(process.stderr, channel.sendall_stderr), daemon=True),
    ]
    for pump in pumps:
        pump.start()
    code = process.wait()
    for pump in pumps:
        pump.join()
    with contextlib.suppress(OSError, EOFError):
        channel.send_exit_status(code)
        channel.close()


class OddSsh:
    """``with OddSsh(Rules(...)) as server`` and ``server.port``."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.host_key = paramiko.ECDSAKey.generate()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> OddSsh:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(sock)
            transport.add_server_key(self.host_key)
            self._transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(threading.Event(), server=_Server(self.rules))
