"""Commands as root through sudo: free, by password, refused. Real accounts of a server's own."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection, PushFile
from glm47_tui.remote.command import Root, build
from tests.support.sshd import Account, Sshd, wait_until, why_no_users
from tests.unit.remote.conftest import Answers
from tests.unit.remote.test_run import alive, run_and_cancel

LogIn = Callable[..., Connection]
RULE = "ALL=(ALL:ALL) ALL"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Sshd:
    reason = why_no_users() or (None if shutil.which("sudo") else "no sudo here")
    if reason:
        pytest.skip(reason)
    accounts = {
        "free": Account("free-pw", "ALL=(ALL:ALL) NOPASSWD: ALL"),
        "ops": Account("ops-pw", RULE),
        "half": Account("half-pw", "ALL=(ALL) NOPASSWD: /bin/true, PASSWD: ALL"),
        "tty": Account("tty-pw", RULE),
        "plain": Account("plain-pw"),
    }
    sshd = Sshd(
        tmp_path_factory.mktemp("sudo"), users=accounts,
        sudoers=("Defaults passwd_tries=3, !lecture", "Defaults:tty requiretty"),
    )  # fmt: skip
    with sshd:
        yield sshd


def by_key(log_in: LogIn, server: Sshd, user: str, ask: Answers | None = None) -> Connection:
    return log_in(server, ask or Answers(), user=user)


def test_without_a_password(server: Sshd, log_in: LogIn) -> None:
    connection = by_key(log_in, server, "free")
    assert connection.run('id -u; echo "$1"\n', "a b'c", timeout=30).out == "0\na b'c\n"


def test_password_asked_again_after_a_wrong_one(server: Sshd, log_in: LogIn) -> None:
    answers = Answers(sudo=["wrong", "ops-pw"])
    connection = by_key(log_in, server, "ops", answers)
    result = connection.run('id -u; echo "$1 $T"\n', "a b", timeout=60, secrets={"T": "t"})
    assert result.out == "0\na b t\n"
    assert [(a.kind, a.attempt) for a in answers.asked] == [("sudo", 1), ("sudo", 2)]
    # Asked once a connection; neither the password nor a cached credential becomes script.
    for _ in range(3):
        again = connection.run("id -u\n", timeout=60)
        assert (again.out, again.err) == ("0\n", "")
    assert len(answers.asked) == 2


def test_login_password_is_tried_first(server: Sshd, log_in: LogIn) -> None:
    answers = Answers(password=["ops-pw"])
    connection = log_in(server, answers, user="ops", identity=None)
    assert connection.run("id -u\n", timeout=60).out == "0\n"
    assert [a.kind for a in answers.asked] == ["password"]


def test_everything_goes_through_sudo(server: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    connection = by_key(log_in, server, "ops", Answers(sudo=["ops-pw"]))
    connection.push([PushFile(f"{tmp_path}/deep/file", b"\0data\n" * 100)])
    pushed = tmp_path / "deep/file"
    assert pushed.read_bytes() == b"\0data\n" * 100
    assert pushed.owner() == "root"
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    connection.send_file(str(tmp_path / "big"), str(tmp_path / "sent"))
    connection.fetch_file(str(tmp_path / "sent"), str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"x" * 100_000
    lines: list[str] = []
    stream = connection.stream("id -u; read x; echo $x\n", on_lines=lines.extend)
    stream.send(b"later\n")
    wait_until(lambda: lines == ["0", "later"])


def test_what_root_runs_ends_when_it_is_left(server: Sshd, log_in: LogIn, tmp_path: Path) -> None:
    connection = by_key(log_in, server, "ops", Answers(sudo=["ops-pw"]))
    script = 'echo $$ $UID >"$1"; echo up; sleep 600\n'
    run_and_cancel(connection, script, str(tmp_path / "pid"))
    pid, uid = (tmp_path / "pid").read_text().split()
    assert uid == "0"
    wait_until(lambda: not alive(pid), what="root's command ends")


def test_wrong_password_three_times(server: Sshd, log_in: LogIn) -> None:
    answers = Answers(sudo=["bad-1", "bad-2", "bad-3", "bad-4"])
    with pytest.raises(RemoteError) as caught:
        by_key(log_in, server, "ops", answers).run("true\n", timeout=60)
    assert caught.value.kind == "sudo"
    assert len(answers.asked) == 3
    assert "bad" not in str(caught.value) + repr(vars(caught.value))


def test_nobody_to_ask(server: Sshd, log_in: LogIn) -> None:
    with pytest.raises(RemoteError) as caught:
        by_key(log_in, server, "ops").run("true\n", timeout=60)
    assert caught.value.kind == "sudo_password"
    assert "GLM47_TUI_SUDO_PASSWORD" in str(caught.value)


def test_user_who_may_not(server: Sshd, log_in: LogIn) -> None:
    with pytest.raises(RemoteError) as caught:
        by_key(log_in, server, "plain", Answers(sudo=["plain-pw"])).run("true\n", timeout=60)
    assert caught.value.kind == "sudo_denied"


def test_user_who_needs_none(server: Sshd, log_in: LogIn) -> None:
    connection = log_in(server, Answers(), user="plain", sudo=False)
    assert connection.run("id -un\n", timeout=30).out == "plain\n"


def test_terminal_wanted(server: Sshd, log_in: LogIn) -> None:
    with pytest.raises(RemoteError) as caught:
        by_key(log_in, server, "tty", Answers(sudo=["tty-pw"])).run("true\n", timeout=60)
    assert caught.value.kind == "sudo_tty"


def test_asked_once_by_many_threads(server: Sshd, log_in: LogIn) -> None:
    answers = Answers(sudo=["ops-pw"])
    connection = by_key(log_in, server, "ops", answers)
    outs: list[str] = []

    def work() -> None:
        outs.append(connection.run("id -u\n", timeout=60).out)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outs == ["0\n"] * 4
    assert len(answers.asked) == 1


def test_no_sudo_on_the_node(
    log_in: LogIn, start_sshd: Callable[..., Sshd], tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env"):
        (tools / name).symlink_to(shutil.which(name) or "")
    server = start_sshd(options=(f"SetEnv PATH={tools} SHLVL=2",))
    with pytest.raises(RemoteError) as caught:
        log_in(server, sudo=True).run("true\n", timeout=30)
    assert caught.value.kind == "sudo_absent"
    assert "ssh.sudo = false" in str(caught.value)


def test_a_password_sudo_does_not_read_never_becomes_script() -> None:
    """A rule may change between the first question and a command: then the line is skipped."""
    import subprocess

    command = build("echo script $1\n", ("arg",), Root(sudo=True, password="touch owned"))
    without_sudo = command.line.replace("sudo -k -S -p '' -- ", "")
    assert without_sudo != command.line
    # A session of its own: at the end of standard input the command ends its process group.
    ran = subprocess.Popen(
        ["/bin/sh", "-c", without_sudo], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert ran.stdin and ran.stdout and ran.stderr
    ran.stdin.write(command.text)
    ran.stdin.flush()
    assert ran.stdout.read().decode().splitlines()[1:] == ["script arg"]
    assert ran.stderr.read().decode().splitlines()[1:] == []
    ran.stdin.close()
    assert ran.wait(20) == 0
    assert "touch" not in repr(command)
