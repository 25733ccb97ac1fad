"""A profile: what holds, what does not, and in which words it is said."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from glm47_tui.i18n import LANGUAGES, set_language, t
from glm47_tui.profile import (
    Profile,
    ProfileInvalid,
    dumps,
    list_names,
    load,
    loads,
    parse,
    path_of,
    save,
)
from glm47_tui.profile.store import write_private

ISSUE = """
schema = 1
name = "atlas-pair"
[model]
repo = "ZhipuAI/GLM-4.7"
path = "/opt/data/verification/models/GLM-4.7"
[container]
name = "vllm-ascend-v0.13.0rc1"
image = "quay.io/ascend/vllm-ascend:v0.13.0rc1"
[ssh]
user = "root"
identity = "~/.ssh/id_ed25519"
jump = "root@10.78.0.2:22"
[[nodes]]
host = "10.77.0.10"
nic = "enp67s0f5"
ip = "10.77.0.10"
[[nodes]]
host = "10.77.0.11"
nic = "enp67s0f5"
ip = "10.77.0.11"
"""


def data(**changes: Any) -> dict[str, Any]:
    """A valid profile as data, with changes such as ``launch__port`` and ``nodes__1__ip``."""
    base: dict[str, Any] = {
        "schema": 1,
        "name": "atlas-pair",
        "nodes": [
            {"host": "10.77.0.10", "nic": "enp67s0f5", "ip": "10.77.0.10"},
            {"host": "10.77.0.11", "nic": "enp67s0f5", "ip": "10.77.0.11"},
        ],
    }
    for path, value in changes.items():
        place: Any = base
        *parents, last = path.split("__")
        for name in parents:
            place = place[int(name)] if name.isdigit() else place.setdefault(name, {})
        place[last] = value
    return base


def test_the_documented_profile_is_valid_and_has_the_guides_values() -> None:
    profile = loads(ISSUE)
    assert profile.launch.port == 8080
    assert profile.launch.rpc_port == 8082
    assert profile.launch.max_model_len == 8192
    assert profile.data_parallel == 2
    assert profile.inside(profile.model_path(0)) == "/root/.cache/verification/models/GLM-4.7"
    assert profile.base_dir == "/opt/data/glm47-tui/atlas-pair"
    assert profile.base_dir_inside == "/root/.cache/glm47-tui/atlas-pair"


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("address", {"nodes__1__ip": "10.77.0.300"}, "nodes[1].ip", "profile.bad.ip"),
    ("address of no host", {"nodes__0__ip": "0.0.0.0"}, "nodes[0].ip", "profile.bad.ip_kind"),
    ("address with a zone", {"nodes__1__ip": "fe80::1%e'; id; '"}, "nodes[1].ip",
     "profile.bad.ip_zone"),
    ("API address with a zone", {"launch__host": "fe80::1%eth0"}, "launch.host",
     "profile.bad.ip_zone"),
    ("zone of a host", {"nodes__0__host": "fe80::1%e; id"}, "nodes[0].host", "profile.bad.host"),
    ("date in JSON", {"launch__additional_config": {"a": date(2024, 1, 1)}},
     "launch.additional_config", "profile.bad.no_json"),
    ("no number in JSON", {"launch__additional_config": {"a": float("nan")}},
     "launch.additional_config", "profile.bad.no_json"),
    ("same address twice", {"nodes__1__ip": "10.77.0.10"}, "", "profile.bad.ip_twice"),
    ("families mixed", {"nodes__1__ip": "fd00::11"}, "", "profile.bad.ip_mixed"),
    ("host name", {"nodes__0__host": "no such host!"}, "nodes[0].host", "profile.bad.host"),
    ("NIC too long", {"nodes__0__nic": "enp67s0f5.vlan100"}, "nodes[0].nic",
     "profile.bad.nic_long"),
    ("NIC list", {"nodes__0__nic": "eth0,eth1"}, "nodes[0].nic", "profile.bad.nic"),
    ("relative path", {"model__path": "models/GLM"}, "model.path", "profile.bad.path_relative"),
    ("path with dots", {"model__path": "/opt/data/../etc"}, "model.path", "profile.bad.path_dots"),
    ("path with blank", {"model__path": "/opt/data/a b"}, "model.path", "profile.bad.path_chars"),
    ("outside mount", {"model__path": "/srv/GLM-4.7"}, "", "profile.bad.outside_mount"),
    ("node outside", {"nodes__1__model_path": "/srv/x"}, "", "profile.bad.outside_mount"),
    ("ports equal", {"launch__rpc_port": 8080}, "", "profile.bad.ports_equal"),
    ("port high", {"launch__port": 70000}, "launch.port", "profile.bad.less_than_equal"),
    ("port low", {"launch__port": 0}, "launch.port", "profile.bad.greater_than_equal"),
    ("port word", {"launch__port": "http"}, "launch.port", "profile.bad.int_type"),
    ("port text", {"launch__port": "22"}, "launch.port", "profile.bad.int_type"),
    ("port float", {"launch__port": 8080.0}, "launch.port", "profile.bad.int_type"),
    ("schema true", {"schema": True}, "schema", "profile.bad.int_type"),
    ("schema float", {"schema": 1.0}, "schema", "profile.bad.int_type"),
    ("schema 0", {"schema": 0}, "schema", "profile.bad.literal_error"),
    ("no number", {"launch__gpu_memory_utilization": float("nan")},
     "launch.gpu_memory_utilization", "profile.bad.less_than_equal"),
    ("number text", {"launch__gpu_memory_utilization": "0.9"},
     "launch.gpu_memory_utilization", "profile.bad.float_type"),
    ("huge", {"launch__max_num_batched_tokens": 10**40}, "launch.max_num_batched_tokens",
     "profile.bad.less_than_equal"),
    ("one node table", {"nodes": {"host": "10.77.0.10"}}, "nodes", "profile.bad.nodes_table"),
    ("text true", {"name": True}, "name", "profile.bad.string_type"),
    ("list true", {"container__devices": True}, "container.devices", "profile.bad.tuple_type"),
    ("NPUs", {"launch__tensor_parallel": 16}, "", "profile.bad.npus"),
    ("engines", {"launch__data_parallel_local": 2}, "", "profile.bad.npus"),
    ("NPU twice", {"container__devices": [0, 0, 1, 2, 3, 4, 5, 6]}, "",
     "profile.bad.devices_twice"),
    ("newline", {"launch__extra_args": ["a\nb"]}, "launch.extra_args[0]", "profile.bad.unsafe"),
    ("quote", {"launch__env": {"X": "it's"}}, "launch.env.X", "profile.bad.unsafe"),
    ("dollar", {"container__name": "a$(id)"}, "container.name", "profile.bad.unsafe"),
    ("quote in JSON", {"launch__additional_config": {"a": "it's"}},
     "launch.additional_config", "profile.bad.unsafe"),
    ("env name", {"launch__env": {"1X": "a"}}, "launch.env.1X", "profile.bad.env_name"),
    ("container", {"container__name": "-x"}, "container.name", "profile.bad.container"),
    ("image", {"container__image": "Bad Image"}, "container.image", "profile.bad.image"),
    ("repo", {"model__repo": "GLM-4.7"}, "model.repo", "profile.bad.repo"),
    ("jump", {"ssh__jump": "root@@x"}, "ssh.jump", "profile.bad.jump"),
    ("jump port", {"ssh__jump": "root@x:99999"}, "ssh.jump", "profile.bad.port"),
    ("user", {"ssh__user": "a b"}, "ssh.user", "profile.bad.user"),
    ("name", {"name": "../x"}, "name", "profile.bad.name"),
    ("size", {"container__shm_size": "much"}, "container.shm_size", "profile.bad.size"),
    ("unknown field", {"launch__prot": 1}, "launch.prot", "profile.bad.extra_forbidden"),
    ("no nodes", {"nodes": []}, "nodes", "profile.bad.too_short"),
    ("schema of the future", {"schema": 2}, "schema", "profile.bad.schema_newer"),
    ("table wanted", {"model": "x"}, "model", "profile.bad.model_type"),
    ("bool", {"launch__expert_parallel": "perhaps"}, "launch.expert_parallel",
     "profile.bad.bool_type"),
    ("switch number", {"ssh__sudo": 1}, "ssh.sudo", "profile.bad.bool_type"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "where", "message"), [b[1:] for b in BAD],
                         ids=[b[0] for b in BAD])  # fmt: skip
def test_each_kind_of_bad_value_has_its_own_message(
    changes: dict[str, Any], where: str, message: str
) -> None:
    with pytest.raises(ProfileInvalid) as caught:
        parse(data(**changes), "test")
    found = {(p.where, p.what.id) for p in caught.value.problems}
    assert (where, message) in found
    assert caught.value.exit_code == 2
    for lang in LANGUAGES:
        set_language(lang)
        problem = next(p for p in caught.value.problems if p.what.id == message)
        words = t(problem.what)
        assert words != message
        assert not re.search(r"\{\w+\}", words), "a placeholder was left unfilled"


def _numbers(model: type[BaseModel], at: str = "") -> Iterator[str]:
    """Paths of all fields that hold a number."""
    for name, field in model.model_fields.items():
        kinds = {field.annotation, *get_args(field.annotation)}
        path = f"{at}{field.alias or name}"
        if kinds & {int, float}:
            yield path
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _numbers(kind, f"{path}__")


NUMBERS = [path for path in _numbers(Profile) if path != "schema"]


def test_the_fields_with_numbers_were_found() -> None:
    assert {"ssh__port", "launch__tensor_parallel", "limits__ready_min"} <= set(NUMBERS)
    assert len(NUMBERS) >= 14


@pytest.mark.parametrize("path", [*NUMBERS, "nodes__1__ssh__port", "container__devices"])
def test_true_is_no_number(path: str) -> None:
    changes: dict[str, Any] = {path: [0, True] if path == "container__devices" else True}
    if path == "nodes__1__ssh__port":
        changes = {"nodes__1__ssh": {"port": True}}
    with pytest.raises(ProfileInvalid) as caught:
        parse(data(**changes), "test")
    (problem,) = caught.value.problems
    assert problem.where.startswith(path.replace("__1__", "[1].").replace("__", "."))
    assert problem.what.id in {"profile.bad.int_type", "profile.bad.float_type"}
    assert '"true"' in t(problem.what), "as the file has it"


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(ProfileInvalid) as caught:
        parse(data(nodes__0__ip="x", nodes__1__nic="much-too-long-for-a-nic", launch__port=0))
    assert len(caught.value.problems) == 3


def test_missing_field_is_named() -> None:
    broken = data()
    del broken["nodes"][1]["nic"]
    with pytest.raises(ProfileInvalid) as caught:
        parse(broken)
    assert [(p.where, p.what.id) for p in caught.value.problems] == [
        ("nodes[1].nic", "profile.bad.missing")
    ]


@pytest.mark.parametrize("nodes", [1, 3, 16])
def test_any_number_of_nodes(nodes: int) -> None:
    many = [{"host": f"h{i}", "nic": "eth0", "ip": f"10.0.0.{i + 1}"} for i in range(nodes)]
    assert parse(data(nodes=many)).data_parallel == nodes


def test_node_overrides() -> None:
    profile = parse(
        data(ssh__user="root", ssh__jump="j@hop:2222", nodes__1__ssh={"user": "ops", "jump": ""},
             nodes__1__model_path="/opt/data/m", nodes__1__nic="bond0")
    )  # fmt: skip
    assert profile.node_ssh(0).user == "root"
    assert profile.node_ssh(1).user == "ops"
    assert profile.node_ssh(0).jump == "j@hop:2222"
    assert profile.node_ssh(1).jump is None
    assert profile.model_path(0) != profile.model_path(1) == "/opt/data/m"


def test_saving_is_private_and_gives_the_same_back(own_home: Path) -> None:
    profile = loads(ISSUE)
    file = save(profile)
    assert file == path_of("atlas-pair")
    assert own_home in file.parents
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load("atlas-pair") == profile
    assert load(file) == profile
    assert list_names() == ("atlas-pair",)


def test_every_value_survives_the_way_to_disk_and_back() -> None:
    profile = parse(
        data(language="zh_CN", launch__env={"HCCL_BUFFSIZE": "512"}, accepted=["clock.skew"],
             launch__extra_args=["--seed", "1024"], container__devices=list(range(8)),
             improvements__drop_dead=True, verify__level="protocol",
             nodes__0__ssh={"port": 2222}, ssh__host_keys={"10.77.0.10:22": "SHA256:abc"})
    )  # fmt: skip
    assert loads(dumps(profile)) == profile
    assert loads(dumps(profile, full=True)) == profile


def test_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    write_private(file, "old")
    if os.geteuid() == 0:
        folder_as_target = tmp_path / "d.toml"
        (folder_as_target / "x").mkdir(parents=True)
        with pytest.raises(Exception) as caught:
            write_private(folder_as_target, "new")
        assert "d.toml" in str(caught.value)
    else:
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(Exception):  # noqa: B017 - whichever error, the old file counts
                write_private(file, "new")
        finally:
            tmp_path.chmod(0o700)
    assert file.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_no_toml_says_line_and_column() -> None:
    with pytest.raises(ProfileInvalid) as caught:
        loads("schema = 1\nname = \n")
    assert "line 2" in str(caught.value)


def test_schema_describes_every_field() -> None:
    from glm47_tui.profile import Profile

    schema = Profile.model_json_schema()
    json.dumps(schema)
    bare = [
        f"{name}.{field}"
        for name, part in [("Profile", schema), *schema["$defs"].items()]
        for field, entry in part.get("properties", {}).items()
        if "description" not in entry
    ]
    allowed = {"Profile.model", "Profile.container", "Profile.ssh", "Profile.launch",
               "Profile.improvements", "Profile.limits", "Profile.verify"}  # fmt: skip
    assert set(bare) <= allowed


def test_no_field_can_hold_a_secret() -> None:
    from glm47_tui.profile import Profile

    names = json.dumps(Profile.model_json_schema()).lower()
    for field in ("token", "passphrase", "secret"):
        assert f'"{field}"' not in names
    # "password" is a way to log in (ssh.auth), never a field.
    assert '"password":' not in names
