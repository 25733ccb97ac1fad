"""Translation between the simulated world and this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm47_tui.demo.sim.world import Leaver, World

NODE = "/home/me/demo/nodes/0"
ADDRESSES = {
    "127.0.0.1": "127.77.0.10", "10.77.0.10": "127.77.0.10", "10.77.0.11": "127.77.0.11",
}  # fmt: skip
HOST = World(NODE, f"{NODE}/fs", ADDRESSES)
INSIDE = World(NODE, f"{NODE}/ct/0123456789ab", ADDRESSES)


@pytest.mark.parametrize(
    "text",
    [
        "echo $BASE/opt/data",
        '"${BASE}/opt/x"',
        "curl http://127.77.0.10:8080/v1/models",
        "sed 's/^/ /'",
        "2>/dev/null </dev/null /dev/tcp/h/1 /dev/fd/3",
        "cat /usr/bin/x /etc/passwd /bin/sh",
        "/proc/self/comm /proc/$$/stat",
        "/optional /opt-x /rooted",
        "10.77.0.100 110.77.0.10 10.77.0.10.1 v25.2.1",
        "a~/opt b./opt",
    ],
)
def test_left_alone(text: str) -> None:
    assert HOST.enter(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat /opt/data/x", "cat {fs}/opt/data/x"),
        ("PATH=/usr/local/sbin:/usr/bin", "PATH={fs}/usr/local/sbin:/usr/bin"),
        ('"mount=/opt/data"', '"mount={fs}/opt/data"'),
        ("ls /dev/davinci* /dev | x", "ls {fs}/dev/davinci* {fs}/dev | x"),
        ("/proc/net/tcp /proc/[0-9]*", "{fs}/proc/net/tcp {fs}/proc/[0-9]*"),
        ("df /dev/shm", "df {fs}/dev/shm"),
        ("ping 10.77.0.11", "ping 127.77.0.11"),
        ("http://localhost:8080/", "http://127.77.0.10:8080/"),
        ("exec 3<>/dev/tcp/10.77.0.11/22", "exec 3<>/dev/tcp/127.77.0.11/22"),
        ("-v /opt/data:/root/.cache", "-v {fs}/opt/data:{fs}/root/.cache"),
    ],
)
def test_entered_and_left_again(text: str, expected: str) -> None:
    real = HOST.enter(text)
    assert real == expected.format(fs=f"{NODE}/fs")
    assert HOST.enter(real) == real
    simulated = text.replace("localhost", "10.77.0.10")
    assert HOST.leave(real) == simulated


def test_text_of_the_host_enters_a_container() -> None:
    real = HOST.enter("bash /root/.cache/x.sh --ip 10.77.0.11")
    assert INSIDE.enter(real) == f"bash {NODE}/ct/0123456789ab/root/.cache/x.sh --ip 127.77.0.11"
    assert HOST.leave(INSIDE.enter(real)) == "bash /root/.cache/x.sh --ip 10.77.0.11"


def test_a_container_sees_the_real_proc() -> None:
    assert INSIDE.enter("/proc/1/stat") == "/proc/1/stat"


WORDS = st.sampled_from([
    f"{NODE}/fs", f"{NODE}/fs/opt/data", f"{NODE}/ct/0123456789ab/root", "127.77.0.10",
    "127.77.0.11:8080", "/home/me", "1", "127.", "", "x", "é", "/", NODE, f"{NODE}/f",
])  # fmt: skip
ENDS = st.sampled_from([" ", "\n", ":", "'", ",", "="])


@given(
    st.lists(st.tuples(WORDS, ENDS), max_size=12),
    st.lists(st.integers(1, 9), min_size=1, max_size=30),
)
def test_a_stream_in_pieces_says_the_same_as_the_whole(
    words: list[tuple[str, str]], cuts: list[int]
) -> None:
    raw = "".join(a + b for a, b in words).encode()
    leaver, out, at, turn = Leaver(NODE, ADDRESSES), b"", 0, 0
    while at < len(raw):
        size = cuts[turn % len(cuts)]
        out += leaver.feed(raw[at : at + size])
        at, turn = at + size, turn + 1
    out += leaver.flush()
    assert out.decode() == HOST.leave(raw.decode())


def test_a_line_end_lets_everything_go() -> None:
    leaver = Leaver(NODE, ADDRESSES)
    assert leaver.feed(b"127.77.0.10\n") == b"10.77.0.10\n"
    assert not leaver.holding
