"""A real sshd, profiles that lead to it, and an Ask that answers from a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from glm47_tui import remote
from glm47_tui.profile.model import Profile
from glm47_tui.profile.store import loads
from glm47_tui.remote.api import Connection, HostKey, SecretRequest
from tests.support.sshd import Sshd, why_not

MakeProfile = Callable[..., Profile]


class Answers:
    """Answers questions: secrets by kind, each taken from its list once; counts what was asked."""

    def __init__(
        self, keys: Literal["once", "save", "refuse"] = "once", **secrets: list[str | None]
    ) -> None:
        self.keys = keys
        self.secrets = secrets
        self.asked: list[SecretRequest] = []
        self.shown: list[HostKey] = []

    def secret(self, request: SecretRequest) -> str | None:
        self.asked.append(request)
        left = self.secrets.get(request.kind)
        return left.pop(0) if left else None

    def host_key(self, key: HostKey) -> Literal["once", "save", "refuse"]:
        self.shown.append(key)
        return self.keys


def quote(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else '"' + str(value).replace("\\", "\\\\") + '"'


def profile_text(ports: list[int], host: str = "127.0.0.1", **ssh: Any) -> str:
    lines = ["schema = 1", 'name = "test"', "[limits]", f"connect_s = {ssh.pop('connect_s', 20)}"]
    pins: dict[str, str] = ssh.pop("host_keys", {})
    lines += ["[ssh]", *(f"{k} = {quote(v)}" for k, v in ssh.items() if v is not None)]
    lines += ["[ssh.host_keys]", *(f'"{k}" = "{v}"' for k, v in pins.items())] if pins else []
    for n, port in enumerate(ports):
        lines += [
            "[[nodes]]", f'host = "{host}"', 'nic = "lo"', f'ip = "10.99.0.{n + 1}"',
            f"ssh.port = {port}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def no_keys_of_mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither ~/.ssh nor an agent of whoever runs the tests; no remembered secret."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    remote.forget_secrets()
    yield
    remote.forget_secrets()


@pytest.fixture(scope="session")
def shared_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Start servers of the test's own."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    servers: list[Sshd] = []

    def start(**options: Any) -> Sshd:
        server = Sshd(tmp_path / f"sshd{len(servers)}", **options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def log_in() -> Iterator[Callable[..., Connection]]:
    """Log in to a server by its own key (or as told) and close afterwards."""
    made: list[Connection] = []

    def go(server: Any, ask: Any = None, port: int | None = None, **ssh: Any) -> Connection:
        ssh = {"user": getattr(server, "user", "root"), **ssh}
        if "identity" not in ssh:
            ssh["identity"] = getattr(server, "login_key", None)
        profile = loads(profile_text([port or server.port], **ssh))
        connection = remote.connect_one(profile, 0, ask or Answers())
        made.append(connection)
        return connection

    yield go
    for connection in made:
        connection.close()


@pytest.fixture
def node(shared_sshd: Sshd, log_in: Callable[..., Connection]) -> Connection:
    """A connection to a real sshd, as whoever runs the tests, without sudo."""
    return log_in(shared_sshd, sudo=False)
