"""Logging in to real servers, in each way, rightly and wrongly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection, Nobody, SecretRequest
from tests.support.odd_ssh import OddSsh, Rules
from tests.support.sshd import (
    Account,
    AgentProcess,
    Sshd,
    descendants,
    keygen,
    wait_until,
    why_no_users,
)
from tests.unit.remote.conftest import Answers

LogIn = Callable[..., Connection]
StartSshd = Callable[..., Sshd]


def works(connection: Connection) -> bool:
    return connection.run("echo fine\n", timeout=20).out == "fine\n"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_key_file(shared_sshd: Sshd, log_in: LogIn, tmp_path: Path, kind: str) -> None:
    key = keygen(tmp_path / "key", kind)
    shared_sshd.authorize(key)
    assert works(log_in(shared_sshd, identity=key, sudo=False))


@pytest.mark.parametrize("old_format", [False, True])
def test_encrypted_key_asks_again_after_a_wrong_passphrase(
    shared_sshd: Sshd, log_in: LogIn, tmp_path: Path, old_format: bool
) -> None:
    key = keygen(tmp_path / "key", "rsa" if old_format else "ed25519", passphrase="right horse")
    if old_format:
        import subprocess

        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "right horse", "-N", "right horse",
             "-f", str(key)], check=True, capture_output=True,
        )  # fmt: skip
    shared_sshd.authorize(key)
    answers = Answers(passphrase=["wrong", "right horse"])
    assert works(log_in(shared_sshd, answers, identity=key, sudo=False))
    assert [(a.kind, a.attempt) for a in answers.asked] == [("passphrase", 1), ("passphrase", 2)]
    # For a reconnect the passphrase is remembered.
    assert works(log_in(shared_sshd, Nobody2(), identity=key, sudo=False))


class Nobody2(Answers):
    """Trusts keys, knows no secret."""


def test_encrypted_key_and_nobody_to_ask(shared_sshd: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    key = keygen(tmp_path / "key", passphrase="x12345")
    shared_sshd.authorize(key)
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, identity=key, auth="key")
    assert caught.value.kind == "passphrase"
    assert caught.value.exit_code == 3


def test_a_passphrase_is_not_asked_for_a_key_the_server_would_refuse(
    shared_sshd: Sshd, log_in: LogIn, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "stranger", passphrase="x12345")
    answers = Answers(passphrase=["x12345"])
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, answers, identity=key, auth="key")
    assert caught.value.kind == "auth"
    assert answers.asked == []


def test_usual_key_of_the_home_folder(shared_sshd: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    ssh = Path.home() / ".ssh"
    ssh.mkdir()
    assert ssh.is_relative_to(tmp_path)
    for suffix in ("", ".pub"):
        source = shared_sshd.login_key
        shutil.copy(source.with_name(source.name + suffix), ssh / f"id_ed25519{suffix}")
    assert works(log_in(shared_sshd, identity=None, sudo=False))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY"),
        ("hello\n", "no private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "damag"),
    ],
)
def test_unreadable_key(
    shared_sshd: Sshd, log_in: LogIn, tmp_path: Path, content: str | None, reason: str
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, identity=key)
    assert caught.value.kind == "key_unreadable"
    assert reason in str(caught.value)
    assert str(key) in str(caught.value)


def test_key_that_is_not_authorized(shared_sshd: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    key = keygen(tmp_path / "stranger")
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, identity=key, auth="key")
    assert caught.value.kind == "auth"
    assert "stranger" in str(caught.value)
    assert "publickey" in str(caught.value)


def test_agent(
    shared_sshd: Sshd, log_in: LogIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = keygen(tmp_path / "stranger")
    with AgentProcess(tmp_path, [stranger, shared_sshd.login_key]) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        assert works(log_in(shared_sshd, identity=None, auth="agent", sudo=False))
        # The private half of a named key may live in the agent alone.
        public = tmp_path / "named.pub"
        shutil.copy(shared_sshd.login_key.with_name("login_key.pub"), public)
        assert works(log_in(shared_sshd, identity=public, auth="key", sudo=False))


def test_no_agent(shared_sshd: Sshd, log_in: LogIn) -> None:
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, identity=None, auth="agent")
    assert caught.value.kind == "agent"


def test_too_many_keys_for_the_server(
    start_sshd: StartSshd, log_in: LogIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sshd(options=("MaxAuthTries 2",))
    strangers = [keygen(tmp_path / f"k{n}") for n in range(3)]
    with AgentProcess(tmp_path, [*strangers, server.login_key]) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        # The server hangs up after two; the rest is tried on a new connection.
        assert works(log_in(server, identity=None, auth="agent", sudo=False))
    with AgentProcess(tmp_path, [keygen(tmp_path / f"m{n}") for n in range(9)]) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        with pytest.raises(RemoteError) as caught:
            log_in(server, identity=None, auth="agent")
        assert caught.value.kind == "auth_cut"


@pytest.fixture
def with_user(start_sshd: StartSshd) -> Sshd:
    reason = why_no_users()
    if reason:
        pytest.skip(reason)
    return start_sshd(users={"ops": Account("pa ss'w\"ord")})


def test_password(with_user: Sshd, log_in: LogIn) -> None:
    answers = Answers(password=["wrong", "pa ss'w\"ord"])
    connection = log_in(with_user, answers, user="ops", identity=None, sudo=False)
    assert connection.run("id -un\n", timeout=20).out == "ops\n"
    assert [a.attempt for a in answers.asked] == [1, 2]
    assert answers.asked[0].where == f"ops@127.0.0.1:{with_user.port}"


def test_wrong_password_three_times(with_user: Sshd, log_in: LogIn) -> None:
    answers = Answers(password=["secret-1", "secret-2", "secret-3", "secret-4"])
    with pytest.raises(RemoteError) as caught:
        log_in(with_user, answers, user="ops", identity=None, auth="password")
    assert caught.value.kind == "password_wrong"
    assert [a.attempt for a in answers.asked] == [1, 2, 3]
    assert "secret" not in str(caught.value) + repr(caught.value) + repr(vars(caught.value))


def test_password_and_nobody_to_ask(with_user: Sshd, log_in: LogIn) -> None:
    with pytest.raises(RemoteError) as caught:
        log_in(with_user, user="ops", identity=None)
    assert caught.value.kind == "password_absent"
    assert "GLM47_TUI_PASSWORD" in str(caught.value)


def test_user_who_thinks_longer_than_the_server_waits(start_sshd: StartSshd, log_in: LogIn) -> None:
    if why_no_users():
        pytest.skip(why_no_users() or "")
    server = start_sshd(users={"ops": Account("pw")}, options=("LoginGraceTime 1",))

    class Slow(Answers):
        def secret(self, request: SecretRequest) -> str | None:
            wait_until(lambda: descendants(server.pid) == [], what="the server hangs up")
            return super().secret(request)

    answers = Slow(password=["pw"])
    assert works(log_in(server, answers, user="ops", identity=None, sudo=False, connect_s=5))
    assert len(answers.asked) == 1


def test_server_with_keyboard_interactive_only(log_in: LogIn) -> None:
    rules = Rules(methods=("keyboard-interactive",), questions=[("Password: ", "pw")])
    answers = Answers(password=["no", "pw"])
    with OddSsh(rules) as server:
        assert works(log_in(server, answers, auth="password"))
    assert [(a.kind, a.attempt) for a in answers.asked] == [("password", 1), ("password", 2)]


def test_questions_are_passed_on(log_in: LogIn) -> None:
    rules = Rules(
        methods=("keyboard-interactive",), questions=[("Password: ", "pw"), ("Token: ", "123")]
    )
    answers = Answers(password=["pw"], prompt=["123"])
    with OddSsh(rules) as server:
        assert works(log_in(server, answers))
    assert answers.asked[1].prompt == "Token:"


def test_key_and_then_a_password(log_in: LogIn, tmp_path: Path) -> None:
    key = keygen(tmp_path / "key")
    rules = Rules(
        methods=("publickey",), then=("password",), password="pw",
        key=paramiko.Ed25519Key.from_private_key_file(str(key)),
    )  # fmt: skip
    with OddSsh(rules) as server:
        assert works(log_in(server, Answers(password=["pw"]), identity=key))


def test_nobody_refuses_an_unknown_host(shared_sshd: Sshd, log_in: LogIn) -> None:
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, Nobody())
    assert caught.value.kind == "key_unknown"
