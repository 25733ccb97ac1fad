"""Host keys: known, hashed, pinned, unknown, changed, revoked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection, Nobody
from glm47_tui.remote.hostkeys import own_known_hosts, pins_of, read_known
from tests.support.sshd import Sshd, fingerprint, keygen
from tests.unit.remote.conftest import Answers

LogIn = Callable[..., Connection]


def known_hosts(text: str) -> Path:
    file = Path.home() / ".ssh" / "known_hosts"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_unknown_key_is_shown_once_and_saved(shared_sshd: Sshd, log_in: LogIn) -> None:
    answers = Answers(keys="save")
    log_in(shared_sshd, answers)
    assert [(k.host, k.port, k.kind) for k in answers.shown] == [
        ("127.0.0.1", shared_sshd.port, "ssh-ed25519")
    ]
    assert answers.shown[0].fingerprint == fingerprint(shared_sshd.host_key())
    assert own_known_hosts().stat().st_mode & 0o777 == 0o600
    assert own_known_hosts().read_text() == shared_sshd.known_hosts_line()
    log_in(shared_sshd, Nobody())
    # OpenSSH reads what was saved.
    found = subprocess.run(
        ["ssh-keygen", "-F", f"[127.0.0.1]:{shared_sshd.port}", "-f", str(own_known_hosts())],
        capture_output=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0


def test_accepted_once_is_not_saved(shared_sshd: Sshd, log_in: LogIn) -> None:
    log_in(shared_sshd, Answers(keys="once"))
    assert not own_known_hosts().exists()


def test_refused_key_sends_no_credentials(start_sshd: Callable[..., Sshd], log_in: LogIn) -> None:
    server = start_sshd()
    with pytest.raises(RemoteError) as caught:
        log_in(server, Answers(keys="refuse"))
    assert caught.value.kind == "key_unknown"
    assert fingerprint(server.host_key()) in str(caught.value)
    assert not any("publickey" in line for line in server.log)


@pytest.mark.parametrize("hashed", [False, True])
def test_known_key(shared_sshd: Sshd, log_in: LogIn, hashed: bool) -> None:
    file = known_hosts("# a comment\n\n" + shared_sshd.known_hosts_line())
    if hashed:
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
        assert "127.0.0.1" not in file.read_text()
    file.write_text("broken line\n" + file.read_text())
    log_in(shared_sshd, Nobody())


def test_known_in_the_profiles_file(shared_sshd: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    file = tmp_path / "team_known_hosts"
    file.write_text(shared_sshd.known_hosts_line())
    log_in(shared_sshd, Nobody(), known_hosts=file)


def test_changed_key_is_refused_without_asking(
    shared_sshd: Sshd, log_in: LogIn, tmp_path: Path
) -> None:
    other = keygen(tmp_path / "other")
    public = other.with_suffix(".pub").read_text().split()
    file = known_hosts(f"[127.0.0.1]:{shared_sshd.port} {public[0]} {public[1]}\n")
    answers = Answers(keys="save")
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, answers)
    text = str(caught.value)
    assert caught.value.kind == "key_changed"
    assert fingerprint(other) in text
    assert fingerprint(shared_sshd.host_key()) in text
    assert f"{file}:1" in text
    assert answers.shown == []


def test_revoked_key(shared_sshd: Sshd, log_in: LogIn) -> None:
    known_hosts(f"@revoked * {shared_sshd.known_hosts_line().split(' ', 1)[1]}")
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, Answers())
    assert caught.value.kind == "key_revoked"


@pytest.mark.parametrize("known", ["ed25519", "ecdsa", "rsa"])
def test_the_known_type_of_key_is_asked_for(
    start_sshd: Callable[..., Sshd], log_in: LogIn, known: str
) -> None:
    server = start_sshd(host_keys=("ed25519", "ecdsa", "rsa"))
    known_hosts(server.known_hosts_line(known))
    log_in(server, Nobody())


@pytest.mark.parametrize("pinned", ["ed25519", "ecdsa", "rsa"])
def test_pinned_fingerprint(start_sshd: Callable[..., Sshd], log_in: LogIn, pinned: str) -> None:
    server = start_sshd(host_keys=("ed25519", "ecdsa", "rsa"))
    pins = {f"127.0.0.1:{server.port}": fingerprint(server.host_key(pinned))}
    log_in(server, Nobody(), host_keys=pins)


def test_another_key_than_the_pinned_one(shared_sshd: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    other = fingerprint(keygen(tmp_path / "other"))
    known_hosts(shared_sshd.known_hosts_line())
    with pytest.raises(RemoteError) as caught:
        log_in(shared_sshd, Answers(), host_keys={f"127.0.0.1:{shared_sshd.port}": other})
    assert caught.value.kind == "key_changed"
    assert other in str(caught.value)


def test_patterns(tmp_path: Path) -> None:
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIAAA"
    file = tmp_path / "known_hosts"
    file.write_text(
        f"*.lab,!bad.lab ssh-ed25519 {blob} comment\n"
        f"@cert-authority * ssh-ed25519 {blob}\n"
        f"10.0.0.? ssh-ed25519 {blob}\n"
        f"[h]:2222 ssh-ed25519 {blob}\n"
    )
    hits = {
        name: len(read_known([file, tmp_path / "absent"], name))
        for name in ("a.lab", "bad.lab", "10.0.0.7", "10.0.0.77", "[h]:2222", "h", "x")
    }
    assert hits == {
        "a.lab": 1, "bad.lab": 0, "10.0.0.7": 1, "10.0.0.77": 0, "[h]:2222": 1, "h": 0, "x": 0,
    }  # fmt: skip


def test_pins_are_found_by_host_and_port() -> None:
    pins = {"a:22": "SHA256:x", "b": "y=", "[fd00::1]:2200": "SHA256:p, SHA256:q"}
    assert pins_of(pins, "a", 22) == ("SHA256:x",)
    assert pins_of(pins, "a", 2200) == ()
    assert pins_of(pins, "b", 22) == ("SHA256:y",)
    assert pins_of(pins, "fd00::1", 2200) == ("SHA256:p", "SHA256:q")
