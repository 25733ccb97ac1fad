"""Getting there and losing it: names, ports, jump hosts, cuts, and peers that fall silent."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glm47_tui import remote
from glm47_tui.profile.store import loads
from glm47_tui.remote import RemoteError, wire
from glm47_tui.remote.api import Connection, PushFile
from glm47_tui.remote.deadline import Deadline
from tests.support.sshd import Sshd, free_port, wait_until
from tests.support.tcp import Proxy
from tests.unit.remote.conftest import Answers, profile_text

LogIn = Callable[..., Connection]
StartSshd = Callable[..., Sshd]


def failure(text: str) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        remote.connect_one(loads(text), 0, Answers())
    assert caught.value.node == "node0"
    assert caught.value.exit_code == 3
    return caught.value


def test_nothing_listens() -> None:
    port = free_port()
    error = failure(profile_text([port]))
    assert error.kind == "refused"
    assert f"127.0.0.1:{port}" in str(error)


def test_unknown_name() -> None:
    assert failure(profile_text([22], host="no-such-host.invalid")).kind == "dns"


@pytest.fixture
def mute() -> Iterator[Callable[[bytes], int]]:
    """A server that says something and then nothing; an empty answer hangs up."""
    listeners: list[socket.socket] = []
    kept: list[socket.socket] = []

    def start(banner: bytes, hang_up: bool = False) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                sock.sendall(banner)
                if hang_up:
                    sock.close()
                kept.append(sock)

        threading.Thread(target=accept, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    for sock in (*listeners, *kept):
        sock.close()


def test_server_that_says_nothing(mute: Callable[..., int]) -> None:
    assert failure(profile_text([mute(b"")], connect_s=1)).kind == "timeout"


def test_server_that_stops_in_the_handshake(mute: Callable[..., int]) -> None:
    assert failure(profile_text([mute(b"SSH-2.0-x\r\n")], connect_s=1)).kind == "timeout"


def test_server_that_speaks_something_else(mute: Callable[..., int]) -> None:
    banner = b"HTTP/1.1 400 Bad Request\r\n" * 120
    assert failure(profile_text([mute(banner)], connect_s=5)).kind == "protocol"


def test_server_that_hangs_up(mute: Callable[..., int]) -> None:
    assert failure(profile_text([mute(b"", hang_up=True)], connect_s=4)).kind == "dropped"


def test_server_without_a_common_algorithm(start_sshd: StartSshd) -> None:
    server = start_sshd(options=("Ciphers chacha20-poly1305@openssh.com",))
    error = failure(profile_text([server.port], identity=server.login_key))
    assert error.kind == "protocol"
    assert "cipher" in str(error)


# Cuts.


def test_server_side_dies_in_a_command(shared_sshd: Sshd, log_in: LogIn) -> None:
    node = log_in(shared_sshd, sudo=False)
    seen = threading.Event()
    killer = threading.Thread(target=lambda: seen.wait(20) and shared_sshd.kill_sessions())
    killer.start()
    with pytest.raises(RemoteError) as caught:
        node.run("echo up; sleep 600\n", timeout=60, on_line=lambda *_: seen.set())
    killer.join()
    assert caught.value.kind == "lost"
    assert not node.alive
    with pytest.raises(RemoteError) as again:
        node.run("true\n", timeout=60)
    assert again.value.kind == "lost"


def test_network_is_cut(shared_sshd: Sshd, log_in: LogIn) -> None:
    with Proxy(shared_sshd.port) as proxy:
        node = log_in(shared_sshd, port=proxy.port, sudo=False)
        with pytest.raises(RemoteError) as caught:
            node.run("echo up; sleep 600\n", timeout=60, on_line=lambda *_: proxy.cut())
    assert caught.value.kind == "lost"


@pytest.mark.parametrize("size", [1, 30, 60, 700, 1100, 1300, 1500, 1700, 1850, 1950, 2050, 2150])
def test_cut_at_any_point_of_the_login(
    shared_sshd: Sshd, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("glm47_tui.remote.hosts._DROP_PAUSES_S", ())
    with Proxy(shared_sshd.port) as proxy:
        proxy.cut_after(size)
        text = profile_text([proxy.port], user=shared_sshd.user, identity=shared_sshd.login_key)
        try:
            connection = remote.connect_one(loads(text), 0, Answers())
            connection.run("true\n", timeout=20)
        except RemoteError as error:
            assert error.kind in ("dropped", "lost"), error.kind
        else:
            raise AssertionError("nothing was cut")


@pytest.mark.parametrize("size", [0, 50, 100, 200, 400, 5_000, 2_500_000])
@pytest.mark.parametrize("what", ["run", "push", "fetch", "stream", "send"])
def test_cut_at_any_point_of_the_work(
    shared_sshd: Sshd, log_in: LogIn, tmp_path: Path, what: str, size: int
) -> None:
    (tmp_path / "big").touch()
    os.truncate(tmp_path / "big", 30_000_000)
    with Proxy(shared_sshd.port) as proxy:
        node = log_in(shared_sshd, port=proxy.port, sudo=False)
        ends: list[Exception | None] = []
        proxy.cut_after(size)
        with contextlib.suppress(RemoteError):
            if what == "run":
                node.run("head -c 30000000 /dev/zero; head -c 30000000 /dev/zero >&2", timeout=30)
            elif what == "push":
                node.push([PushFile(str(tmp_path / f"p{n}"), b"x" * 900_000) for n in range(20)])
            elif what == "fetch":
                node.fetch_file(str(tmp_path / "big"), str(tmp_path / "back"))
            elif what == "send":
                node.send_file(str(tmp_path / "big"), str(tmp_path / "there"))
            else:
                node.stream("seq 1 9000000\n", on_lines=lambda batch: None, on_end=ends.append)
                wait_until(lambda: ends)
        for error in ends:
            assert isinstance(error, RemoteError)
            assert error.kind == "lost"
        assert not list(tmp_path.glob(".back*"))
        if size == 0:
            with pytest.raises(RemoteError) as caught:
                node.run("true\n", timeout=20)
            assert caught.value.kind == "lost"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same watch with shorter patience, so that the test need not take 16 s."""
    monkeypatch.setattr(wire, "PROBE_AFTER_S", 0.5)
    monkeypatch.setattr(wire, "DEAD_AFTER_S", 3)


def test_peer_falls_silent(impatient: None, shared_sshd: Sshd, log_in: LogIn) -> None:
    with Proxy(shared_sshd.port) as proxy:
        node = log_in(shared_sshd, port=proxy.port, sudo=False)
        with pytest.raises(RemoteError) as caught:
            node.run("echo up; sleep 600\n", timeout=60, on_line=lambda *_: proxy.freeze())
    assert caught.value.kind == "lost"
    assert not node.alive


def test_peer_falls_silent_while_much_is_sent(
    impatient: None, shared_sshd: Sshd, log_in: LogIn, tmp_path: object
) -> None:
    with Proxy(shared_sshd.port) as proxy:
        node = log_in(shared_sshd, port=proxy.port, sudo=False)
        big = f"{tmp_path}/big"
        with open(big, "wb") as out:  # noqa: PTH123
            out.truncate(200_000_000)
        with pytest.raises(RemoteError) as caught:
            node.send_file(big, f"{tmp_path}/there", progress=lambda *_: proxy.freeze())
    assert caught.value.kind == "lost"


def test_quiet_is_not_dead(impatient: None, shared_sshd: Sshd, log_in: LogIn) -> None:
    node = log_in(shared_sshd, sudo=False)
    assert node.run("sleep 5; echo still here\n", timeout=60).out == "still here\n"


# Jump hosts.


def jump_profile(jump: Sshd, nodes: list[int], **ssh: object) -> str:
    return profile_text(
        nodes, user=jump.user, identity=jump.login_key, sudo=False,
        jump=f"{jump.user}@127.0.0.1:{jump.port}", **ssh,
    )  # fmt: skip


def test_jump_host_is_shared_and_closed_last(start_sshd: StartSshd) -> None:
    jump = start_sshd()
    nodes = [start_sshd(), start_sshd()]
    for node in nodes:
        node.authorize(jump.login_key)
    answers = Answers()
    fleet = remote.connect(loads(jump_profile(jump, [n.port for n in nodes])), answers)
    assert fleet.failures == {}
    assert list(fleet.connections) == [0, 1]
    for connection in fleet.connections.values():
        assert connection.run("echo hi\n", timeout=30).out == "hi\n"
    assert len(answers.shown) == 3  # the jump host's key is verified too
    assert {k.node for k in answers.shown} == {"jump", "node0", "node1"}
    accepted = [line for line in jump.log if "Accepted publickey" in line]
    assert len(accepted) == 1
    fleet.connections[0].close()
    assert fleet.connections[1].run("echo hi\n", timeout=30).ok
    fleet.close()
    wait_until(lambda: any("Disconnected" in x or "Connection closed" in x for x in jump.log))


def test_node_behind_the_jump_host_is_down(start_sshd: StartSshd) -> None:
    jump = start_sshd()
    good = start_sshd()
    good.authorize(jump.login_key)
    fleet = remote.connect(loads(jump_profile(jump, [free_port(), good.port])), Answers())
    error = fleet.failures[0]
    assert isinstance(error, RemoteError)
    assert error.kind == "jump"
    assert "refused" in str(error)
    assert fleet.connections[1].run("echo hi\n", timeout=30).ok
    fleet.close()


def test_jump_host_that_forwards_nothing(start_sshd: StartSshd) -> None:
    jump = start_sshd(options=("AllowTcpForwarding no",))
    fleet = remote.connect(loads(jump_profile(jump, [free_port()])), Answers())
    assert getattr(fleet.failures[0], "kind", None) == "jump_forbidden"


def test_jump_host_is_down(start_sshd: StartSshd) -> None:
    jump = start_sshd()
    jump.stop()
    fleet = remote.connect(loads(jump_profile(jump, [1, 2])), Answers())
    assert [getattr(e, "kind", None) for e in fleet.failures.values()] == ["refused", "refused"]
    assert [getattr(e, "node", None) for e in fleet.failures.values()] == ["node0", "node1"]


def test_jump_host_dies(start_sshd: StartSshd) -> None:
    jump, node = start_sshd(), start_sshd()
    node.authorize(jump.login_key)
    fleet = remote.connect(loads(jump_profile(jump, [node.port])), Answers())
    connection = fleet.connections[0]
    with pytest.raises(RemoteError) as caught:
        connection.run("echo up; sleep 600\n", timeout=60, on_line=lambda *_: jump.kill_sessions())
    assert caught.value.kind == "lost"
    # A new login makes a new connection to the jump host.
    again = remote.connect_one(loads(jump_profile(jump, [node.port])), 0, Answers())
    assert again.run("echo hi\n", timeout=30).ok
    again.close()
    fleet.close()


def test_closing_behind_a_stuck_jump_host_does_not_hang(
    start_sshd: StartSshd, tmp_path: Path
) -> None:
    jump, node = start_sshd(), start_sshd()
    node.authorize(jump.login_key)
    with Proxy(jump.port) as proxy:
        profile = jump_profile(jump, [node.port]).replace(f':{jump.port}"', f':{proxy.port}"')
        fleet = remote.connect(loads(profile), Answers())
        (tmp_path / "big").touch()
        os.truncate(tmp_path / "big", 300_000_000)
        stuck = threading.Event()

        def progress(done: int, all_: int) -> None:
            proxy.freeze()
            stuck.set()

        def work() -> None:
            with pytest.raises(RemoteError):
                fleet.connections[0].send_file(
                    str(tmp_path / "big"), str(tmp_path / "there"), progress=progress
                )

        sender = threading.Thread(target=work, daemon=True)
        sender.start()
        assert stuck.wait(20)
        fleet.close()
        sender.join(20)
        assert not sender.is_alive()


# The rest.


def test_one_node_failing_does_not_stop_the_others(shared_sshd: Sshd) -> None:
    text = profile_text(
        [shared_sshd.port, free_port(), shared_sshd.port], user=shared_sshd.user,
        identity=shared_sshd.login_key, sudo=False,
    )  # fmt: skip
    notes: list[tuple[str, str]] = []
    fleet = remote.connect(
        loads(text), Answers(), on_note=lambda node, message: notes.append((node, str(message)))
    )
    assert list(fleet.connections) == [0, 2]
    assert list(fleet.failures) == [1]
    assert ("node2", f"Connecting to 127.0.0.1:{shared_sshd.port}.") in notes
    fleet.close()
    only = remote.connect(loads(text), Answers(), only=[2])
    assert (list(only.connections), list(only.failures)) == ([2], [])
    only.close()


def test_the_clock_stands_still_while_a_user_thinks() -> None:
    deadline = Deadline(0.2)
    with deadline.paused(), deadline.paused():
        left = deadline.left()
        time.sleep(0.3)
        assert not deadline.over
        assert deadline.left() == left


def test_a_user_who_thinks_longer_than_the_limit(shared_sshd: Sshd) -> None:
    class Slow(Answers):
        def host_key(self, key: object) -> str:  # type: ignore[override]
            time.sleep(1.3)
            return "once"

    text = profile_text(
        [shared_sshd.port], user=shared_sshd.user, identity=shared_sshd.login_key, connect_s=1
    )
    remote.connect_one(loads(text), 0, Slow()).close()


def test_importing_the_room_is_cheap() -> None:
    import subprocess
    import sys

    code = (
        "import sys, glm47_tui.remote;"
        "print([m for m in ('paramiko', 'cryptography', 'pydantic') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_no_thread_is_left(shared_sshd: Sshd, log_in: LogIn) -> None:
    before = set(threading.enumerate())
    node = log_in(shared_sshd, sudo=False)
    node.stream("sleep 600\n", on_lines=lambda batch: None)
    node.forward(1)
    node.close()
    wait_until(
        lambda: (
            not [
                t
                for t in set(threading.enumerate()) - before
                if t.name != "ssh-watch" and t.is_alive()
            ]
        ),
        what="threads end",
    )
    assert all(t.daemon for t in threading.enumerate() if t.name.startswith("ssh-"))
