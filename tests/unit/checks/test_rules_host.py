"""Access, host, Docker and versions: what is wrong is found, with the way out."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from glm47_tui.checks import run
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg, t
from glm47_tui.render.launch import flags as launch_flags
from tests.unit.checks.atlas import (
    CONTAINER_ID,
    IMAGE_ID,
    container,
    evidence,
    judged,
    profile,
    said,
    sections,
    swap,
)  # fmt: skip

NO_DAEMON = json.dumps({"ServerVersion": "", "ServerErrors": ["Cannot connect to the daemon"]})
NOT_ALLOWED = json.dumps({"ServerErrors": ["permission denied while trying to connect"]})
OTHERS = "d" * 64
LEFT = f"99\tVLLM::EngineCor\troot\t1000\t{OTHERS}\tVLLM::EngineCore"
NO_FOLDER = swap(0, "disk", ("@disk /opt/data\t/opt/data", "@disk /opt/data\t/opt"))
FULL = "@disk /var/lib/docker\t/var/lib/docker\text2\n/dev/sda1 9 1 9000000 9% /"


def test_a_node_that_cannot_be_reached_is_one_blocker_with_the_reason() -> None:
    error = UserError(Msg.of("checks.unseen", probe="x"), exit_code=Exit.UNREACHABLE)
    seen = evidence()
    alone = replace(seen, facts={0: seen.facts[0]}, failures={1: error})
    found = {f.key: f for f in run(profile(), alone)}
    assert found["access.login@node1"].severity.value == "blocker"
    assert t(error.what) in t(found["access.login@node1"].found)
    assert found["access.login@node0"].severity.value == "ok"
    assert [k for k in found if k.endswith("@node1")] == ["access.login@node1"]


def test_a_probe_that_broke_off_is_unknown() -> None:
    seen = evidence()
    cut = replace(seen, facts={**seen.facts, 0: replace(seen.facts[0], complete=False)})
    assert run(profile(), cut, ["access.complete"])[0].severity.value == "unknown"


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("access.root", swap(0, "sys", ("uid 0", "uid 1000")), ("warning", "warning")),
        ("access.tools", {"tools": "docker /usr/bin/docker"}, ("blocker", "blocker")),
        ("host.devices", swap(0, "devs", ("/dev/davinci5 ", "/dev/xxx ")), ("blocker", "blocker")),
        ("host.devices", swap(0, "devs", ("/dev/hisi_hdc", "/dev/xxx")), ("blocker", "blocker")),
        ("host.memory", {"mem": "MemTotal: 24000000 kB\nMemAvailable: 20000000 kB"},
         ("warning", "warning")),
        ("host.memory", {"mem": "nothing"}, ("unknown", "unknown")),
        ("host.swap", {"mem": "SwapTotal: 8000000 kB"}, ("info", "info")),
        ("host.data_mount", NO_FOLDER, ("warning", "absent")),
        ("host.data_mount", swap(0, "disk", ("% /opt/data\nwritable", "% /opt/data")),
         ("blocker", "read_only")),
        ("host.inodes", swap(0, "disk", ("99999999 1% /opt/data", "12 99% /opt/data")),
         ("warning", "warning")),
        ("host.root_disk", {"disk": "@disk /\t/\text2\n/dev/sda1 900000000 1 500000 99% /"},
         ("warning", "warning")),
        ("host.limits", swap(0, "inside", ("nofile 1048576", "nofile 1024")),
         ("warning", "inside_low")),
        ("host.limits", {"inside": "", "limits": "nofile 1024"}, ("info", "login_low")),
        ("host.limits", swap(0, "inside", ("nofile 1048576", "nofile unlimited")),
         ("ok", "inside")),
        ("host.firewall", {"fw": "service firewalld active"}, ("info", "info")),
        ("host.time_sync", {"ntp": "NTPSynchronized=no"}, ("info", "info")),
        ("host.leftovers", {"procs": LEFT}, ("warning", "warning")),
        ("host.leftovers", {"procs": f"99\tvllm\troot\t1000\t{CONTAINER_ID}\tvllm serve /m"},
         ("ok", "ok")),
        ("host.leftovers", {"procs": f"99\tvllm\troot\t1000\t{OTHERS}\tvllm serve /m",
                            "made": f"{OTHERS} old-pair"}, ("warning", "made")),
        ("docker.running", {"dockerinfo": NO_DAEMON}, ("blocker", "stopped")),
        ("docker.running", {"dockerinfo": NOT_ALLOWED}, ("blocker", "denied")),
        ("docker.image", {"image": "[]", "images": ""}, ("info", "absent")),
        ("docker.image", {"image": "[]",
                          "images": "abc quay.nju.edu.cn/ascend/vllm-ascend:v0.13.0rc1"},
         ("warning", "other_name")),
        ("docker.image_arch", swap(0, "image", ("arm64", "amd64")), ("blocker", "blocker")),
        ("docker.room", {"image": "[]", "dockerdisk": FULL}, ("warning", "warning")),
        ("docker.container", {"container": "[]"}, ("info", "absent")),
        ("docker.container", swap(0, "container", ('"running"', '"exited"')),
         ("info", "stopped")),
        ("docker.differs", {"container": json.dumps([container("sha256:0ther")])},
         ("warning", "warning")),
        ("docker.differs", {"container": json.dumps([container(NetworkMode="bridge")])},
         ("warning", "warning")),
        ("docker.differs", {"container": json.dumps([container(Devices=[])])},
         ("warning", "warning")),
        ("docker.differs", {"container": json.dumps([container(Devices=[], Privileged=True)])},
         ("ok", "ok")),
        ("docker.differs", swap(0, "container", ('"/opt/data"', '"/data"')),
         ("warning", "warning")),
        ("docker.shm", {**swap(0, "container", ("1073741824", "67108864")), "inside": ""},
         ("warning", "small")),
        ("docker.shm", {"container": json.dumps([container(IpcMode="host")])}, ("ok", "host")),
        ("docker.sharing", {"containers": json.dumps([container() | {"Id": OTHERS}])},
         ("warning", "warning")),
        ("docker.sharing", {"containers": json.dumps(
            [container(Privileged=True, Devices=[]) | {"Id": OTHERS}])}, ("info", "privileged")),
        ("docker.inside_model", swap(0, "inside", ("@has /root/.cache", "@has /elsewhere")),
         ("warning", "warning")),
        ("docker.inside_files", swap(0, "inside", ("nnal/atb/set_env.sh", "nnal/atb/gone")),
         ("warning", "warning")),
        ("docker.proxy", swap(0, "container", ('"Env": [', '"Env": ["http_proxy=http://p:3128", ')),
         ("warning", "warning")),
        ("docker.proxy", swap(0, "container", ('"Env": [', '"Env": ["http_proxy=http://p:3128", '
         '"NO_PROXY=localhost,127.0.0.1,10.77.0.10,10.77.0.11", ')), ("ok", "spared")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_host_is_found_there(check, change, expected) -> None:
    found = said(check, change)
    assert (0, *expected) in found
    assert all(x[1] in ("ok", "info") for x in found if x[0] == 1)


def test_docker_that_is_not_installed_is_the_only_one_of_its_group_to_block() -> None:
    seen = evidence()
    bare = replace(seen.facts[0], docker=type(seen.facts[0].docker)(), image=None, container=None,
                   containers=(), inside=None)  # fmt: skip
    found = run(profile(), replace(seen, facts={**seen.facts, 0: bare}), ["docker"])
    bad = [f.check for f in found if f.node == 0 and f.severity.value not in ("ok", "info")]
    assert bad == ["docker.installed"]


def test_clocks_apart_are_found_and_measured() -> None:
    seen = evidence()
    late = replace(seen.facts[1], clock=replace(seen.facts[1].clock, offset_s=-37.0))
    found = run(profile(), replace(seen, facts={**seen.facts, 1: late}), ["host.clock"])[0]
    assert found.severity.value == "warning"
    assert "37.1 s" in t(found.found)


def test_a_slow_way_is_not_taken_for_a_wrong_clock() -> None:
    seen = evidence()
    clock = replace(seen.facts[1].clock, offset_s=3.0, uncertainty_s=2.5)
    blurred = {**seen.facts, 1: replace(seen.facts[1], clock=clock)}
    found = run(profile(), replace(seen, facts=blurred), ["host.clock"])[0]
    assert found.severity.value == "ok"


def test_the_missing_data_folder_can_be_made_and_removed_again() -> None:
    found = judged("host.data_mount", NO_FOLDER)[0]
    assert (found.command, found.undo, found.fixable) == (
        "mkdir -p /opt/data", "rmdir /opt/data", True,
    )  # fmt: skip


def test_docker_that_is_stopped_can_be_started_and_stopped_again() -> None:
    found = judged("docker.running", {"dockerinfo": NO_DAEMON})[0]
    assert (found.command, found.undo) == ("systemctl start docker", "systemctl stop docker")
    assert "Cannot connect to the daemon" in t(found.found)


@pytest.mark.parametrize(
    ("check", "words", "expected"),
    [
        ("version.driver", ("package_version=25.2.1", "package_version=24.1.rc3"),
         ("warning", "older")),
        ("version.driver", ("package_version=25.2.1", "package_version=25.3.rc1"),
         ("info", "newer")),
        ("version.firmware", ("Version=7.7.0.6.236", "Version=9.1.0.0.1"),
         ("warning", "warning")),
        ("version.npu_smi", ("package_version=25.2.1", "package_version=25.3.rc1"),
         ("warning", "warning")),
        ("version.cann_driver", ("C23SPC", "C99SPC"), ("warning", "warning")),
    ],
)  # fmt: skip
def test_host_versions_off_the_table_are_found(check, words, expected) -> None:
    assert said(check, swap(0, "driver", words))[0] == (0, *expected)


@pytest.mark.parametrize(
    ("check", "words", "expected"),
    [
        ("version.python", ("python 3.11.13", "python 3.12.1"), ("warning", "warning")),
        ("version.cann", ("version=8.3.RC2", "version=8.5.0"), ("warning", "warning")),
        ("version.torch", ("torch 2.8.0", "torch 2.7.1"), ("warning", "warning")),
        ("version.torch_npu", ("torch_npu 2.8.0", "torch_npu 2.7.1"), ("warning", "apart")),
        ("version.vllm", ("vllm 0.13.0", "vllm 0.12.0"), ("warning", "warning")),
        ("version.vllm", ("vllm 0.13.0+empty", "vllm 0.14.1"), ("info", "builtin")),
        ("version.vllm", ("vllm 0.13.0+empty\n", ""), ("warning", "absent")),
        ("version.vllm_ascend", ("0.13.0rc1", "0.13.0rc2"), ("warning", "warning")),
        ("version.transformers", ("4.57.3", "5.0.1"), ("warning", "warning")),
    ],
)  # fmt: skip
def test_versions_in_the_container_off_the_table_are_found(check, words, expected) -> None:
    assert said(check, swap(0, "inside", words))[0] == (0, *expected)


def test_without_a_running_container_versions_are_known_later() -> None:
    assert said("version.vllm", {"inside": ""})[0] == (0, "info", "later")


@pytest.mark.parametrize(
    ("check", "section", "words", "expected"),
    [
        ("same.arch", "sys", ("arch aarch64", "arch x86_64"), "warning"),
        ("same.driver", "driver", ("package_version=25.2.1", "package_version=25.2.0"), "warning"),
        ("same.firmware", "driver", ("7.7.0.6.236", "7.5.0.1.1"), "warning"),
        ("same.cann", "inside", ("version=8.3.RC2", "version=8.5.0"), "warning"),
        ("same.packages", "inside", ("vllm 0.13.0", "vllm 0.14.1"), "blocker"),
        ("same.packages", "inside", ("transformers 4.57.3", "transformers 4.57.6"), "warning"),
        ("same.image", "image", (IMAGE_ID[:20], "sha256:1234567890abc"), "warning"),
        ("same.kernel", "sys", ("5.10.0-182", "5.10.0-216"), "info"),
        ("same.docker", "dockerinfo", ("26.1.3", "18.09.0"), "info"),
        ("same.hbm", "npu", ("3418 / 65536", "3418 / 32768"), "warning"),
        ("same.container", "container", ("1073741824", "67108864"), "warning"),
        ("same.container", "container", ("max_split_size_mb:256", "x"), "warning"),
    ],
)  # fmt: skip
def test_nodes_that_differ_are_told_apart(check, section, words, expected) -> None:
    found = judged(check, {}, swap(1, section, words))
    assert [(f.node, f.severity.value) for f in found] == [(None, expected)]
    assert "node0" in t(found[0].found)
    assert "node1" in t(found[0].found)


def test_an_image_is_known_by_id_or_by_the_digest_it_was_pulled_by() -> None:
    digest = '"RepoTags": ["quay.io/ascend/vllm-ascend:v0.13.0rc1"]'
    pulled = (digest, f'{digest}, "RepoDigests": ["quay.io/ascend/vllm-ascend@sha256:{"9" * 64}"]')
    other = (IMAGE_ID[:20], "sha256:1234567890abc")
    # Docker's two image stores give one image two ids.
    assert said("same.image", swap(0, "image", pulled), swap(1, "image", pulled, other)) == [
        (None, "ok", "ok")
    ]


def _serving(index: int, *swaps: tuple[str, str]) -> dict[str, str | None]:
    """The process of an engine that the profile's own launch script started, its words changed."""
    words = " ".join(shlex.split(" ".join(launch_flags(profile(), index))))
    words = words.replace("${local_ip}", "10.77.0.10").replace("${node0_ip}", "10.77.0.10")
    for old, new in swaps:
        assert old in words
        words = words.replace(old, new)
    command = f"python3 /usr/local/bin/vllm serve /m {words}"
    return {"procs": f"99\tvllm\troot\t1000\t{CONTAINER_ID}\t{command}"}


def test_engines_of_the_profile_have_its_flags() -> None:
    # The guide writes the same JSON with other blanks on its two nodes.
    assert said("same.flags", _serving(0), _serving(1)) == [(None, "ok", "ok")]
    short = (("--data-parallel-size 2", "-dp 2"), ("--max-model-len ", "--max_model_len="))
    assert said("same.flags", _serving(0, *short), _serving(1)) == [(None, "ok", "ok")]
    assert said("same.flags", _serving(0), {}) == [(None, "ok", "ok")]
    assert said("same.flags", {}, {}) == []


def test_a_flag_that_differs_between_engines_is_named_with_both_values_and_the_profiles() -> None:
    length = f"--max-model-len {profile().launch.max_model_len}"
    odd = _serving(1, (length, "--max-model-len 4096"))
    found = judged("same.flags", _serving(0), odd)[0]
    assert found.severity.value == "blocker"
    own = profile().launch.max_model_len
    assert f"--max-model-len: node0 {own}, node1 4096 (profile: {own})" in t(found.found)
    assert found.fix is not None and "glm47-tui stop" in t(found.fix)


def test_engines_that_agree_with_each_other_and_not_with_the_profile() -> None:
    length = f"--max-model-len {profile().launch.max_model_len}"
    more = ("--enable-auto-tool-choice", "--api-key sk-123 --enable-auto-tool-choice")
    changed = [_serving(i, (length, "--max-model-len 4096"), more) for i in (0, 1)]
    found = judged("same.flags", *changed)
    assert [(f.node, f.severity.value) for f in found] == [(0, "warning"), (1, "warning")]
    assert f"--max-model-len: 4096 (profile: {profile().launch.max_model_len})" in t(found[0].found)
    assert "--api-key: *** (profile: -)" in t(found[0].found)
    assert "sk-123" not in t(found[0].found)


def test_every_section_of_the_sample_is_a_probe_of_the_script() -> None:
    from glm47_tui.node import probe_script

    script = probe_script()
    assert [name for name in sections(0) if f"p_{name}()" not in script] == []
