"""Every way to log in, through the jump host, to a real sshd."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import net
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import NODES
from tests.lab.kit.tool import Outcome, Tool

OPS = ('ssh.user="ops"', 'ssh.jump="ops@10.78.0.2:22"')


def look(tool: Tool, profile: Path, **secrets: str) -> Outcome:
    """A verb that logs in to all nodes, runs as root and changes nothing."""
    return tool.run(
        "check", str(profile), "--json", "--all", "--only", "access.login", "--only",
        "access.root", "--only", "docker.running", **secrets,
    )  # fmt: skip


def fine(outcome: Outcome) -> bool:
    return outcome.exit_code == 0 and '"severity": "ok"' in outcome.out


def _refused(lab: Lab) -> int:
    """Passwords that the jump host's sshd has refused so far."""
    return int(lab.run("jump", "grep -c 'Failed password' /var/log/sshd.log; true").stdout)


def test_root_with_a_key(tool: Tool, profile: ProfileMaker) -> None:
    outcome = look(tool, profile())
    assert fine(outcome), outcome.said


def test_ordinary_user_with_a_key_and_a_sudo_password(tool: Tool, profile: ProfileMaker) -> None:
    outcome = look(tool, profile(*OPS), GLM47_TUI_SUDO_PASSWORD=tool.lab.password)
    assert fine(outcome), outcome.said
    wrong = look(tool, profile(*OPS), GLM47_TUI_SUDO_PASSWORD="wrong")
    assert wrong.exit_code != 0
    assert "sudo" in (wrong.out + wrong.err).lower()


def test_password_login(tool: Tool, profile: ProfileMaker) -> None:
    mine = profile(*OPS, 'ssh.auth="password"', "ssh.identity=")
    secret = tool.lab.password
    outcome = look(tool, mine, GLM47_TUI_PASSWORD=secret, GLM47_TUI_SUDO_PASSWORD=secret)
    assert fine(outcome), outcome.said
    assert secret not in outcome.out + outcome.err


@pytest.mark.parametrize("password", ["", "wrong"])
def test_no_or_a_wrong_password(tool: Tool, profile: ProfileMaker, password: str) -> None:
    """It ends; a wrong one is not tried until the account is barred."""
    mine = profile(*OPS, 'ssh.auth="password"', "ssh.identity=")
    before = _refused(tool.lab)
    outcome = tool.run("replay", str(mine), "--yes", "--json", GLM47_TUI_PASSWORD=password)
    assert outcome.exit_code == 3, outcome.said
    assert "Traceback" not in outcome.err
    tries = _refused(tool.lab) - before
    assert tries == (1 if password else 0), "the jump host is asked once, for all nodes"


def test_an_unknown_host_key_is_refused_and_a_pinned_one_taken(
    tool: Tool, profile: ProfileMaker
) -> None:
    outcome = tool.run("replay", str(profile("ssh.known_hosts=")), "--yes")
    assert outcome.exit_code == 3, outcome.said
    assert "SHA256:" in outcome.out + outcome.err
    pins = []
    for name, ip in (("jump", "10.78.0.2"), ("node0", "10.77.0.10"), ("node1", "10.77.0.11")):
        show = "ssh-keygen -lf /etc/ssh/lab_host_ed25519.pub"
        print_ = tool.lab.run(name, show).stdout.split()[1]
        pins.append(f'"{ip}:22" = "{print_}"')
    pinned = f"ssh.host_keys={{ {', '.join(pins)} }}"
    outcome = look(tool, profile("ssh.known_hosts=", pinned))
    assert fine(outcome), outcome.said


def test_a_changed_host_key_is_refused(tool: Tool, profile: ProfileMaker, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    lines = (tool.lab.layout.keys / "known_hosts").read_text().splitlines()
    other = lines[0].split()[2]
    lines = [f"{ip} {kind} {other if ip == '10.77.0.11' else key}"
             for ip, kind, key in (line.split() for line in lines)]  # fmt: skip
    swapped = [line for line in lines if not line.startswith("10.77.0.10 ")]
    shutil.copy(tool.lab.layout.keys / "known_hosts", known)
    known.write_text("\n".join([*lines, *swapped]) + "\n")
    outcome = tool.run("replay", str(profile(f'ssh.known_hosts="{known}"')), "--yes")
    assert outcome.exit_code == 3, outcome.said
    assert "10.77.0.11" in outcome.out + outcome.err


def test_two_sessions_a_connection_are_enough(tool: Tool, profile: ProfileMaker, lab: Lab) -> None:
    for node in NODES:
        lab.sshd(node.name, "MaxSessions 2")
    try:
        outcome = look(tool, profile())
        whole = tool.run("check", str(profile()), "--json")
        status = tool.run("status", str(profile()))
    finally:
        for node in NODES:
            lab.sshd(node.name)
    assert fine(outcome), outcome.said
    assert whole.exit_code == 0, whole.said
    assert status.exit_code == 0, status.said


def test_no_jump_host_or_a_jump_host_that_is_off(
    tool: Tool, profile: ProfileMaker, lab: Lab
) -> None:
    direct = tool.run("replay", str(profile("ssh.jump=", "limits.connect_s=5")), "--yes")
    assert direct.exit_code == 3, direct.said
    net.plug(lab.layout, "jump", 0, up=False)
    try:
        outcome = tool.run("replay", str(profile("limits.connect_s=5")), "--yes")
    finally:
        net.plug(lab.layout, "jump", 0, up=True)
    assert outcome.exit_code == 3, outcome.said
    assert "10.78.0.2" in outcome.out + outcome.err
