"""Commands on a real sshd: output, limits, cancelling, secrets, and what is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from glm47_tui.remote import RemoteError
from glm47_tui.remote.api import Connection
from glm47_tui.remote.run import MAX_OUTPUT
from tests.support.odd_ssh import OddSsh, Rules
from tests.support.sshd import Sshd, wait_until
from tests.unit.remote.conftest import Answers

LogIn = Callable[..., Connection]


def alive(pid: str) -> bool:
    """Whether a process of this machine runs (the server is on it)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def run_and_cancel(node: Connection, script: str, *args: str) -> None:
    """Run a script that says "up" when it is, and cancel it then."""
    cancel = threading.Event()
    with pytest.raises(RemoteError) as caught:
        node.run(
            script, *args, timeout=60, cancel=cancel,
            on_line=lambda _, line: cancel.set() if line == "up" else None,
        )  # fmt: skip
    assert caught.value.kind == "cancelled"


def test_arguments_outputs_and_code(node: Connection) -> None:
    result = node.run(
        'printf "%s|" "$@"; echo to-err >&2; exit 7\n', "a b", "it's", '"$(x)"', "", timeout=20
    )
    assert result.out == 'a b|it\'s|"$(x)"||'
    assert result.err == "to-err\n"
    assert result.code == 7
    assert not result.ok
    assert not result.cut


def test_facts_of_the_machine_lines(node: Connection) -> None:
    result = node.run("echo noise; echo '@@ state done'; echo '@@ a b c'\n", timeout=20)
    assert result.facts == (("state", "done"), ("a", "b", "c"))
    assert result.fact("a") == "b c"


def test_line_numbers_in_errors_are_the_scripts(node: Connection) -> None:
    result = node.run("#!/usr/bin/env bash\necho $LINENO\nno-such-command\n", timeout=20)
    assert result.out == "2\n"
    assert "line 3: no-such-command" in result.err


def test_script_cannot_be_eaten_by_its_commands(node: Connection) -> None:
    result = node.run("cat; wait; echo after\n", timeout=20)
    assert result.out == "after\n"


def test_noise_of_a_login_script_is_not_output(
    start_sshd: Callable[..., Sshd], log_in: LogIn
) -> None:
    server = start_sshd(options=('ForceCommand echo Welcome; eval "$SSH_ORIGINAL_COMMAND"',))
    node = log_in(server, sudo=False)
    result = node.run("echo mine; echo too >&2\n", timeout=20)
    assert (result.out, result.err) == ("mine\n", "too\n")
    lines: list[str] = []
    node.stream("echo mine; echo too >&2\n", on_lines=lines.extend)
    wait_until(lambda: lines == ["mine", "too"])


def test_flood_on_both_outputs(node: Connection) -> None:
    result = node.run(
        "head -c 9000000 /dev/zero | tr '\\0' x & head -c 9000000 /dev/zero | tr '\\0' y >&2; wait",
        timeout=60,
    )
    assert (len(result.out), len(result.err)) == (9_000_000, 9_000_000)
    assert set(result.out) == {"x"}


def test_endless_output_is_cut_and_ends(node: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glm47_tui.remote.run.MAX_OUTPUT", 1_000_000)
    result = node.run("head -c 5000000 /dev/zero | tr '\\0' x; exit 3\n", timeout=60)
    assert MAX_OUTPUT == 64 * 1024 * 1024
    assert len(result.out) == 1_000_000
    assert result.cut
    assert result.code == 3


def test_lines_arrive_while_it_runs(node: Connection) -> None:
    seen: list[tuple[str, str]] = []
    cancel = threading.Event()

    def on_line(stream: str, line: str) -> None:
        seen.append((stream, line))
        if {("out", "ready"), ("err", "oops")} <= set(seen):
            cancel.set()

    with pytest.raises(RemoteError) as caught:
        node.run(
            "printf '\\033[1mbold\\033[0m\\n10%%\\r20%%\\r30%%\\n'; echo oops >&2; echo ready;"
            " sleep 600\n",
            timeout=60, on_line=on_line, cancel=cancel,
        )  # fmt: skip
    assert caught.value.kind == "cancelled"
    assert caught.value.exit_code == 130
    out = [x for s, x in seen if s == "out"]
    # How much of the bar is seen depends on how the bytes arrive; its last state always is.
    assert [x for x in out if x not in ("10%", "20%")] == ["bold", "30%", "ready"]
    assert [x for s, x in seen if s == "err"] == ["oops"]


def test_a_large_script_is_sent_whole(node: Connection) -> None:
    lines = "".join(f"# line {n} of a long comment\n" for n in range(60_000))
    result = node.run(lines + "echo end $#\n", "1", "2", timeout=60)
    assert result.out == "end 2\n"


def test_killed_by_a_signal(node: Connection) -> None:
    assert node.run("kill -KILL $$\n", timeout=20).code == 255


def test_a_child_that_keeps_the_output_open_does_not_hold_us(node: Connection) -> None:
    result = node.run("sleep 600 & echo $!; disown\n", timeout=60)
    pid = result.out.strip()
    try:
        assert result.code == 0
        assert alive(pid)
    finally:
        node.run('kill "$1"\n', pid, timeout=20)


def test_time_limit(node: Connection) -> None:
    with pytest.raises(RemoteError) as caught:
        node.run("sleep 600\n", timeout=0.5)
    assert caught.value.kind == "limit"


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_command_that_is_left_ends_with_its_children(
    node: Connection, tmp_path: Path, stubborn: bool
) -> None:
    trap = "trap '' TERM HUP\n" if stubborn else ""
    script = f'{trap}sleep 600 & echo $! $$ >"$1"\necho up; wait; sleep 600\n'
    run_and_cancel(node, script, str(tmp_path / "pids"))
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    wait_until(lambda: not any(alive(p) for p in pids), what="the command ends")


def test_what_left_by_setsid_stays(node: Connection, tmp_path: Path) -> None:
    script = (
        'setsid bash -c \'echo $$ >"$1"; exec sleep 600\' bash "$1" </dev/null >/dev/null 2>&1 &\n'
        'until [ -s "$1" ]; do sleep 0.02; done; echo $$ >"$2"; echo up; sleep 600\n'
    )
    run_and_cancel(node, script, str(tmp_path / "left"), str(tmp_path / "main"))
    left = (tmp_path / "left").read_text().strip()
    main = (tmp_path / "main").read_text().strip()
    try:
        wait_until(lambda: not alive(main), what="the command ends")
        assert alive(left)
    finally:
        node.run('kill "$1"\n', left, timeout=60)


def test_cancelled_before_it_began(node: Connection) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(RemoteError) as caught:
        node.run("echo x\n", timeout=20, cancel=cancel)
    assert caught.value.kind == "cancelled"


def test_a_fault_in_on_line_ends_the_command(node: Connection, tmp_path: Path) -> None:
    def on_line(stream: str, line: str) -> None:
        raise KeyError(line)

    with pytest.raises(KeyError):
        node.run('echo $$ >"$1"; echo x; sleep 600\n', str(tmp_path / "p"), timeout=60,
                 on_line=on_line)  # fmt: skip
    pid = (tmp_path / "p").read_text().strip()
    wait_until(lambda: not alive(pid), what="the command ends")


def test_secrets_are_on_no_command_line(node: Connection) -> None:
    secret = "s3cret 'with' \"quotes\" $HOME\nand a line"
    result = node.run(
        'printf "%s" "$TOKEN"; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null'
        " | tr '\\0' '\\n' | grep -c -e 'with. .quote[s]' -e 's3cre[t]' >&2\n",
        timeout=60, secrets={"TOKEN": secret},
    )  # fmt: skip
    assert result.out == secret
    assert result.err == "0\n"


def test_a_name_that_is_none_is_refused(node: Connection) -> None:
    with pytest.raises(ValueError, match="not the name"):
        node.run("true\n", timeout=20, secrets={"A;B": "x"})


def test_login_shell_that_runs_nothing(start_sshd: Callable[..., Sshd], log_in: LogIn) -> None:
    server = start_sshd(options=("ForceCommand echo This account is not available; exit 1",))
    with pytest.raises(RemoteError) as caught:
        log_in(server, sudo=False).run("echo x\n", timeout=20)
    assert caught.value.kind == "no_bash"
    assert "not available" in str(caught.value)


def test_server_that_runs_no_commands(log_in: LogIn) -> None:
    rules = Rules(password="pw", runs=lambda command: False)
    with OddSsh(rules) as server:
        connection = log_in(server, Answers(password=["pw"]))
        with pytest.raises(RemoteError) as caught:
            connection.run("echo x\n", timeout=20)
    assert caught.value.kind == "exec"


def test_many_at_a_time(node: Connection) -> None:
    results: dict[int, str] = {}

    def work(n: int) -> None:
        results[n] = node.run("sleep 0.05; echo $1\n", str(n), timeout=60).out

    threads = [threading.Thread(target=work, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {n: f"{n}\n" for n in range(24)}


def test_after_close(node: Connection) -> None:
    node.close()
    node.close()
    assert not node.alive
    with pytest.raises(RemoteError) as caught:
        node.run("true\n", timeout=5)
    assert caught.value.kind == "closed"
