"""Launch scripts for profiles other than the guide's."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

import pytest

from glm47_tui.profile import Profile, parse
from glm47_tui.render import render
from tests.unit.render.conftest import make_profile


def script(profile: Profile, node: int = 0) -> str:
    return render(profile).find(f"scripts/glm_47_infer_node{node}.sh").text


def flags(profile: Profile, node: int = 0) -> dict[str, str]:
    """Flags of ``vllm serve`` as bash hands them over, with their (last) value."""
    text = script(profile, node)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("source "))
    dump = 'vllm() { printf "%s\\0" "$@"; }\n'
    done = subprocess.run(
        ["bash"], input=dump + body, capture_output=True, text=True, check=True, timeout=30
    )
    words = done.stdout.split("\0")[:-1]
    assert words[0] == "serve"
    assert words[1] == profile.inside(profile.model_path(node))
    out: dict[str, str] = {}
    for word in words[2:]:
        if word.startswith("--"):
            out[word] = ""
        else:
            out[list(out)[-1]] = word
    return out


def test_data_parallel_over_four_hosts() -> None:
    profile = make_profile(4, launch={"data_parallel_local": 2, "tensor_parallel": 4})
    head = flags(profile, 0)
    assert head["--data-parallel-size"] == "8"
    assert head["--data-parallel-size-local"] == "2"
    assert head["--data-parallel-address"] == "10.77.0.10"
    assert "--headless" not in head
    assert "--data-parallel-start-rank" not in head
    for node in (1, 2, 3):
        other = flags(profile, node)
        assert other["--data-parallel-start-rank"] == str(node * 2)
        assert other["--data-parallel-address"] == "10.77.0.10"
        assert other["--headless"] == ""
        assert other["--data-parallel-rpc-port"] == "8082"


def test_one_host_and_one_engine_is_no_data_parallel() -> None:
    found = flags(make_profile(1))
    assert not [name for name in found if name.startswith("--data-parallel")]
    assert "--headless" not in found
    assert found["--tensor-parallel-size"] == "8"


def test_one_host_with_two_engines_needs_no_address() -> None:
    found = flags(make_profile(1, launch={"data_parallel_local": 2, "tensor_parallel": 4}))
    assert {k: v for k, v in found.items() if k.startswith("--data-parallel")} == {
        "--data-parallel-size": "2",
        "--data-parallel-size-local": "2",
    }


def test_plugins_are_named_by_the_containers_paths() -> None:
    found = flags(make_profile(launch={"parsers": "plugin"}))
    folder = "/root/.cache/glm47-tui/atlas-pair/patches"
    assert found["--tool-call-parser"] == found["--reasoning-parser"] == "glm47"
    assert found["--tool-parser-plugin"] == f"{folder}/glm47_tool_parser_plugin.py"
    assert found["--reasoning-parser-plugin"] == f"{folder}/glm47_reasoning_parser_plugin.py"


def test_a_reasoning_parser_of_the_users_own_stays() -> None:
    launch = {"parsers": "plugin", "reasoning_parser": "deepseek_r1"}
    assert flags(make_profile(launch=launch))["--reasoning-parser"] == "deepseek_r1"


def test_environment_is_overridden_in_place_and_extended_at_the_end() -> None:
    profile = make_profile(launch={"env": {"HCCL_BUFFSIZE": "512", "NEW_ONE": "a b;c"}})
    lines = [x for x in script(profile).splitlines() if x.startswith("export ")]
    names = [x.split()[1].partition("=")[0] for x in lines]
    assert names.index("HCCL_BUFFSIZE") < names.index("HCCL_OP_EXPANSION_MODE")
    assert names[-1] == "NEW_ONE"
    assert "export HCCL_BUFFSIZE=512" in lines
    assert lines[-1] == "export NEW_ONE='a b;c'"


@pytest.mark.parametrize(
    "word", ['{"cudagraph_mode":"FULL_DECODE_ONLY"}', "a b", "*", "&& id", "#", "~", "!x", "中文"]
)
def test_words_reach_vllm_as_they_were_given(word: str) -> None:
    assert flags(make_profile(launch={"extra_args": ["--seed", word]}))["--seed"] == word


def test_additional_config_is_json_on_one_line() -> None:
    config: dict[str, Any] = {"dynamic_eplb": True, "pa_shape_list": [1, 2], "名": "值"}
    found = flags(make_profile(launch={"additional_config": config}))
    assert json.loads(found["--additional-config"]) == config
    assert "--additional-config" not in flags(make_profile(launch={"additional_config": {}}))


def test_switches_go_off() -> None:
    found = flags(make_profile(launch={"expert_parallel": False, "trust_remote_code": False}))
    assert "--enable-expert-parallel" not in found
    assert "--trust-remote-code" not in found
    assert flags(make_profile(launch={"quantization": "ascend"}))["--quantization"] == "ascend"


def test_npus_count_from_zero_inside_the_container() -> None:
    profile = make_profile(
        container={"devices": [4, 5, 6, 7]}, launch={"tensor_parallel": 4}
    )  # fmt: skip
    assert "export ASCEND_RT_VISIBLE_DEVICES=0,1,2,3" in script(profile)
    run = render(profile).find("scripts/docker_run.sh").text
    assert "--device /dev/davinci4 \\" in run
    assert "--device /dev/davinci0 \\" not in run


def test_ipv6_nodes() -> None:
    profile = parse({
        "schema": 1, "name": "six", "launch": {"host": "::"},
        "nodes": [{"host": f"fd00::{i}", "nic": "eth0", "ip": f"fd00::{i}"} for i in (1, 2)],
    })  # fmt: skip
    assert "export HCCL_SOCKET_FAMILY=AF_INET6" in script(profile, 1)
    found = flags(profile, 1)
    assert found["--data-parallel-address"] == "fd00::1"
    assert found["--host"] == "::"
    assert "HCCL_SOCKET_FAMILY" not in script(make_profile())


def test_paths_and_mounts_of_a_site() -> None:
    profile = make_profile(
        container={"data_mount": "/data", "data_mount_inside": "/data"},
        model={"path": "/data/weights/GLM-4.7", "served_name": "glm"},
    )
    assert 'model_path="/data/weights/GLM-4.7"' in script(profile)
    assert "-v /data:/data \\" in render(profile).find("scripts/docker_run.sh").text
    assert '"model": "glm",' in render(profile).find("scripts/verify_request.sh").text


def test_scripts_are_sound_shell() -> None:
    profile = make_profile(3, launch={"parsers": "plugin", "extra_args": ["--seed", "1"]})
    for file in render(profile).files:
        if file.name.endswith(".sh"):
            subprocess.run(["bash", "-n"], input=file.text, text=True, check=True)


def test_the_request_says_what_the_guides_says() -> None:
    text = render(make_profile(launch={"port": 9000})).find("scripts/verify_request.sh").text
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    assert "http://localhost:9000/v1/chat/completions" in words
    body = json.loads(render(make_profile()).find("scripts/verify_request.json").text)
    assert json.loads(words[-1]) == body
