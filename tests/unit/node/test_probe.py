"""The probe script run by a real bash, with stand-ins for tools this machine has not."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node import NodeFacts, look, look_again, parse_probe, probe, probe_all, probe_script
from glm47_tui.node.probe import FOLLOWING, timed
from glm47_tui.node.sections import split
from glm47_tui.profile import Profile, loads
from tests.support.sshd import wait_until
from tests.unit.node.local import LocalFleet, LocalShell

SAMPLES = Path(__file__).parent / "samples"
IDLE = SAMPLES / "npu_smi_910B2x8_idle_25.2.0_issue3906.txt"
ALARM = SAMPLES / "npu_smi_910B2Cx5_alarm_24.1.rc2_fixture.txt"
ALL = set(re.findall(r"^p_(\w+)\(\)", probe_script(), re.M))


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def stand_in(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/bash\n{body}\n")
    file.chmod(0o755)


def wanted(mount: Path) -> Profile:
    return loads(
        f"""
schema = 1
name = "pair"
[model]
path = "{mount}/models/GLM-4.7"
[container]
data_mount = "{mount}"
[[nodes]]
host = "127.0.0.2"
nic = "lo"
ip = "127.0.0.2"
[[nodes]]
host = "127.0.0.3"
nic = "lo"
ip = "127.0.0.3"
"""
    )


def model(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{\n "architectures": ["Glm4MoeForCausalLM"]\n}')
    (folder / "a b.safetensors").write_bytes(b"x" * 3000)
    index = {"metadata": {"total_size": 2900}, "weight_map": {"w": "a b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_one_round_trip_tells_about_this_machine(tmp_path: Path) -> None:
    model(tmp_path / "models" / "GLM-4.7")
    model(tmp_path / "other" / "GLM")
    shell = LocalShell()
    facts = probe(shell, wanted(tmp_path), limit=20)
    assert len(shell.runs) == 1
    assert facts.complete
    assert set(facts.millis) == ALL
    assert facts.system.kernel == os.uname().release
    assert facts.system.arch == os.uname().machine
    assert (facts.memory.total or 0) > 0
    assert facts.nic("lo") is not None
    assert facts.model is not None
    assert facts.model.complete
    assert facts.model.sums.keys() == {"config.json", "model.safetensors.index.json"}
    assert [m.path for m in facts.models] == [f"{tmp_path}/other/GLM"]
    disk = facts.disk(str(tmp_path))
    assert disk is not None
    assert disk.exists
    assert disk.writable
    assert facts.clock.offset_s is not None
    assert abs(facts.clock.offset_s) < 5
    assert [r.peer for r in facts.peer_routes] == ["127.0.0.3"]
    assert "bash" not in facts.timed_out


def test_a_name_that_comes_in_two_pieces_is_one_name(tmp_path: Path) -> None:
    """The collector reads with a limit, which may end within a name: what hangs on it is asked."""
    functions = probe_script().rpartition("main ")[0]
    pieces = "{ printf np; until [ -e first ]; do :; done; printf 'u\\n'; } >&9 &"
    script = f"""{functions}
        cd {tmp_path} && mkfifo over && exec 9<>over && LIMIT_CS=2000
        follow() {{ echo "asked $1"; }}
        now_cs() {{ NOW=$((${{NOW:-0}} + 1)); [ "$NOW" -lt 3 ] || : >first; }}
        {pieces}
        collect 1"""
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.split("\n") == ["asked npuproc", "asked npuhealth", ""], done


def test_npus_and_their_network_by_stand_ins(tools: Path, tmp_path: Path) -> None:
    stand_in(tools, "npu-smi", f"cat {IDLE}")
    stand_in(tools, "hccn_tool", 'echo "ipaddr:10.0.0.1$2"; echo "link status: UP"')
    facts = probe(LocalShell(str(tools)), wanted(tmp_path), limit=20)
    assert len(facts.npu.npus) == 8
    assert [p.npu for p in facts.hccn] == list(range(8))
    assert {p.up for p in facts.hccn} == {True}
    assert facts.hccn[3].ip == "10.0.0.13"


def test_a_sick_npu_is_asked_for_its_fault(tools: Path, tmp_path: Path) -> None:
    stand_in(tools, "npu-smi", f'if [ "$2" = -t ]; then echo "Error Code : 0x80E0 for $5"; '
                               f"else cat {ALARM}; fi")  # fmt: skip
    facts = probe(LocalShell(str(tools)), wanted(tmp_path), limit=20)
    assert facts.npu.npus[0].fault == "0x80E0 for 0"
    assert {n.fault for n in facts.npu.npus[1:]} == {""}


@pytest.mark.parametrize("hard", ["", "trap '' TERM; "])
def test_tools_that_hang_cost_their_own_answers_only(
    tools: Path, tmp_path: Path, hard: str
) -> None:
    for name in ("npu-smi", "hccn_tool", "docker", "ss"):
        # Would keep the test waiting for an hour if the limit did not end it.
        stand_in(tools, name, f"{hard}echo half; sleep 3600 & wait; wait; sleep 3600")
    facts = look(LocalShell(str(tools)), wanted(tmp_path), limit=3).facts
    assert facts.complete
    slow = {"npu", "hccn", "dockerinfo", "image", "images", "container", "containers", "inside",
            "ports"}  # fmt: skip
    assert slow <= set(facts.timed_out)
    assert facts.system.kernel
    assert facts.nics
    assert facts.memory.total
    wait_until(lambda: not _running(str(tools)), what="the end of what hung")


def _running(words: str) -> list[Path]:
    return [p for p in Path("/proc").glob("[0-9]*/cmdline") if _holds(p, words)]


def _holds(cmdline: Path, words: str) -> bool:
    try:
        return words in cmdline.read_bytes().decode(errors="replace")
    except OSError:
        return False


def test_what_was_slow_is_asked_once_more_and_the_rest_stays(tools: Path, tmp_path: Path) -> None:
    mark = tmp_path / "second"
    stand_in(tools, "npu-smi", f"[ -e {mark} ] || sleep 3600; cat {IDLE}")
    shell = LocalShell(str(tools))
    first = look(shell, wanted(tmp_path), limit=2)
    assert "npu" in first.facts.timed_out
    mark.touch()
    second = look_again(shell, first, first.facts.timed_out, wanted(tmp_path)).facts
    assert "npu" not in second.timed_out
    assert len(second.npu.npus) == 8
    assert second.system == first.facts.system
    assert (
        f"only={','.join(sorted({FOLLOWING.get(n, n) for n in first.facts.timed_out}))}"
        in (shell.runs[1])
    )


def test_an_impatient_probe_asks_once(tools: Path, tmp_path: Path) -> None:
    stand_in(tools, "npu-smi", "sleep 3600")
    shell = LocalShell(str(tools))
    facts = probe(shell, wanted(tmp_path), limit=2)
    assert "npu" in facts.timed_out
    assert len(shell.runs) == 1


def test_nothing_is_left_on_the_node(tmp_path: Path) -> None:
    probe(LocalShell(env={"TMPDIR": str(tmp_path)}), wanted(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_odd_names_of_folders_break_nothing(tmp_path: Path) -> None:
    odd = tmp_path / "a 'b\" $c;d"
    model(odd / "m")
    facts = parse_probe(LocalShell().run(probe_script(), f"mount={odd}", f"model={odd}/m",
                                         timeout=30).out)  # fmt: skip
    assert facts.model is not None
    assert facts.model.complete
    assert facts.complete


def test_a_node_that_fails_does_not_hide_the_others(tmp_path: Path) -> None:
    class Broken:
        def run(self, script: str, *args: str, timeout: float) -> object:
            raise UserError(Msg.of("checks.unseen"))

    fleet = LocalFleet({0: LocalShell(), 1: Broken()})  # type: ignore[dict-item]
    facts, failures = probe_all(fleet, wanted(tmp_path))
    assert list(facts) == [0]
    assert list(failures) == [1]


def test_without_timeout_the_script_says_so(tmp_path: Path) -> None:
    script = probe_script().replace("have timeout ||", "have no-such-timeout ||")
    facts = parse_probe(LocalShell().run(script, timeout=30).out)
    assert "timeout" in facts.failed
    assert not facts.complete


def test_sections_ignore_banners_and_survive_a_cut() -> None:
    text = (
        "Welcome\n@@ probe 1\n@@ section a 0 12\n one\n!warn\n two\n@@ section b timeout 2200\n x"
    )
    out = split(text)
    assert (out["a"].out, out["a"].err, out["a"].millis) == ("one\ntwo", "warn", 12)
    assert out["b"].timed_out
    assert out["c"].status == 1
    assert not out.complete


def test_content_is_never_taken_for_a_marker() -> None:
    out = split("@@ section a 0 1\n @@ section b 0 1\n @@ end\n!@@ failed x")
    assert list(out.sections) == ["a"]
    assert not out.complete
    assert out.failed == ""


def test_the_clock_is_measured_between_the_ways() -> None:
    facts = parse_probe("@@ clock 100000000000 102000000000\n@@ end")
    seen = timed(facts, before=49.0, after=52.0).clock
    assert seen.offset_s == pytest.approx(50.5)
    assert seen.uncertainty_s == pytest.approx(0.5)
    assert timed(NodeFacts(), 0, 1).clock.offset_s is None


def test_nanoseconds_since_1970_have_19_digits() -> None:
    facts = parse_probe("@@ clock 1795552252830964284 1795552253201227746")
    assert facts.clock.start_ns == 1795552252830964284
