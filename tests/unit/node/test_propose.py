"""What is suggested to the wizard: the nodes looked at together, and nothing the user has said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glm47_tui.i18n import LANGUAGES, set_language, t
from glm47_tui.node import NodeFacts, propose
from glm47_tui.node.detect import common_subnet, model_choices, mount_choices, nic_choices
from glm47_tui.node.facts import parse_probe
from tests.unit.checks.atlas import IDLE, MODEL, facts, sections

HOSTS: dict[str, Any] = {"nodes": [{"host": "192.168.5.10"}, {"host": "192.168.5.11"}]}
BOTH = {0: facts(0), 1: facts(1)}


def values(draft: dict[str, Any], seen: dict[int, NodeFacts]) -> dict[str, Any]:
    found = propose(draft, seen)
    for suggestion in found:
        for lang in LANGUAGES:
            set_language(lang)
            assert all(t(r) != r.id and "{" not in t(r) for r in suggestion.reasons)
    set_language("en")
    return {s.path: s.value for s in found}


def elsewhere(path: str, node: int, **more: str | None) -> NodeFacts:
    text = sections(node)["model"].replace(MODEL, path)
    return facts(node, {"model": f"@model {MODEL}\nabsent", "models": text, **more})


def test_the_fast_shared_network_comes_before_the_one_logged_in_to() -> None:
    assert values(HOSTS, BOTH) == {
        "nodes[0].nic": "enp67s0f5", "nodes[0].ip": "10.77.0.10",
        "nodes[1].nic": "enp67s0f5", "nodes[1].ip": "10.77.0.11",
    }  # fmt: skip


def test_reasons_say_why() -> None:
    (choice, *_) = nic_choices(BOTH[0], [BOTH[1]], "192.168.5.10")
    words = [t(r) for r in choice.reasons]
    assert words == ["all nodes have an address in 10.77.0.0/24", "25 Gbit/s"]
    assert common_subnet(BOTH) == ("10.77.0.0/24", "192.168.5.0/24")


def test_addresses_are_chosen_in_one_subnet_even_when_each_node_would_differ() -> None:
    # On node 1 the service NIC has lost its link: its login NIC alone is likelier there.
    down = sections(1)["nic"].replace(
        "nic enp67s0f5 operstate=up carrier=1 speed=25000", "nic enp67s0f5 operstate=down"
    )
    found = values(HOSTS, {0: BOTH[0], 1: facts(1, {"nic": down})})
    assert found["nodes[0].ip"].startswith("192.168.5.")
    assert found["nodes[1].ip"].startswith("192.168.5.")


def test_what_the_user_has_said_stays_and_the_rest_is_matched_to_it() -> None:
    draft = {"nodes": [{"host": "a", "nic": "enp1s0"}, {"host": "b", "ip": "192.168.5.11"}]}
    assert values(draft, BOTH) == {"nodes[0].ip": "192.168.5.10", "nodes[1].nic": "enp1s0"}
    full = {"nodes": [{"host": "a", "nic": "x", "ip": "1.1.1.1"}] * 2}
    assert values(full, BOTH) == {}


def test_internal_link_local_and_bridge_addresses_are_no_choices() -> None:
    names = {c.nic for c in nic_choices(BOTH[0])}
    assert names == {"enp67s0f5", "enp1s0"}


def test_no_facts_no_suggestions() -> None:
    assert propose(HOSTS, {}) == ()
    assert propose({}, {0: NodeFacts(), 1: NodeFacts()}) == ()


def test_a_model_elsewhere_brings_its_data_folder_along() -> None:
    disks = "Filesystem Type 1 2 3 4 5\n/dev/sdc xfs 9000000000 0 9000000000 0% /data"
    seen = {i: elsewhere("/data/llm/GLM-4.7", i, mounts=disks) for i in (0, 1)}
    found = values(HOSTS, seen)
    assert found["model.path"] == "/data/llm/GLM-4.7"
    assert found["container.data_mount"] == "/data"
    assert "nodes[1].model_path" not in found


def test_nodes_with_different_folders_get_their_own() -> None:
    seen = {0: elsewhere("/opt/data/a", 0), 1: elsewhere("/opt/data/b", 1)}
    found = values(HOSTS, seen)
    assert (found["model.path"], found["nodes[1].model_path"]) == ("/opt/data/a", "/opt/data/b")
    assert "container.data_mount" not in found


def test_weights_quantised_for_ascend_bring_their_flag() -> None:
    text = sections(0)["model"].replace(MODEL, "/opt/data/w8a8") + "\nquantised"
    seen = {0: facts(0, {"model": f"@model {MODEL}\nabsent", "models": text})}
    assert values(HOSTS, seen)["launch.quantization"] == "ascend"


def test_the_default_folder_needs_no_suggestion_and_a_broken_model_is_none() -> None:
    assert "model.path" not in values(HOSTS, BOTH)
    broken = sections(0)["model"].replace("file 7706451700 model-00007", "file 9 model-00007")
    seen = {0: facts(0, {"model": broken.replace(MODEL, "/opt/data/x")})}
    assert "model.path" not in values(HOSTS, seen)


def test_an_image_from_a_mirror_is_suggested_when_all_nodes_have_it() -> None:
    mirror = {"image": "[]", "images": "a quay.nju.edu.cn/ascend/vllm-ascend:v0.13.0rc1"}
    found = values(HOSTS, {i: facts(i, mirror) for i in (0, 1)})
    assert found["container.image"] == "quay.nju.edu.cn/ascend/vllm-ascend:v0.13.0rc1"
    one = {0: facts(0, mirror), 1: facts(1, {"image": "[]", "images": ""})}
    assert "container.image" not in values(HOSTS, one)


def test_the_npus_there_are_suggested_where_the_defaults_are_not_all_there() -> None:
    half = "".join(IDLE.splitlines(keepends=True)[: 6 + 3 * 4])
    assert values(HOSTS, {0: facts(0, {"npu": half})})["container.devices"] == [0, 1, 2, 3]
    assert "container.devices" not in values(HOSTS, BOTH)


def test_models_and_mounts_are_ordered_by_likeliness() -> None:
    other = sections(0)["model"].replace(MODEL, "/opt/data/Llama").replace("Glm4Moe", "Llama")
    broken = f"@model /opt/data/GLM-4.7-part\nconfig {{}}\n{other}"
    seen = facts(0, {"models": broken})
    assert model_choices(seen)[0].path == MODEL
    mounts = "F T 1 2 3 4 5\n/dev/sdc xfs 900000000 0 900000000 0% /data\n/dev/a xfs 1 0 1 0% /boot"
    assert [d.path for d in mount_choices(facts(0, {"mounts": mounts}))] == ["/opt/data", "/data"]


def test_odd_drafts_break_nothing() -> None:
    for draft in ({}, {"nodes": None}, {"nodes": [None]}, {"nodes": {}, "model": 3}):
        propose(draft, BOTH)
    propose(HOSTS, {5: parse_probe("")})


def test_an_npu_table_that_was_cut_off_suggests_nothing() -> None:
    half = "".join(IDLE.splitlines(keepends=True)[: 6 + 2 * 4])
    cut = replace(facts(0, {"npu": half}), timed_out=("npu",))
    assert len(cut.npu.npus) < 8
    assert "container.devices" not in values(HOSTS, {0: cut, 1: facts(1, {})})
