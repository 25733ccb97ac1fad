"""The weights: what lacks is named; the memory plan agrees with the published numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from glm47_tui.checks import fit, run
from glm47_tui.i18n import t
from tests.unit.checks.atlas import (
    CONFIG,
    IDLE,
    MODEL,
    PROFILE,
    evidence,
    facts,
    judged,
    profile,
    said,
    sections,
    swap,
)  # fmt: skip

SHARD = "model-00042-of-00093.safetensors"
W8A8 = "quantised\nfile 10 quant_model_description.json"
ONE_NODE = profile(PROFILE.rpartition("[[nodes]]")[0])


def test_the_parameters_are_those_of_the_published_model() -> None:
    count = fit.parameters(fit.GLM47)
    assert count is not None
    assert round(count.experts / 1e9, 2) == 335.96
    assert round(count.main / 1e9, 1) == 352.8
    assert round((count.main + count.mtp) / 1e9, 1) == 358.3


def test_the_plan_for_two_hosts_is_the_published_one() -> None:
    plan = fit.plan(profile(), None, 65536)
    assert plan is not None
    assert plan.assumed
    assert round(plan.weights / fit.GIB, 1) == 43.0
    assert plan.kv_token == 47104
    assert 5.5 < plan.kv_low / fit.GIB < plan.kv_high / fit.GIB < 9


def test_the_plan_from_the_files_is_the_same() -> None:
    model = facts(0).model
    assert model is not None
    from_files = fit.plan(profile(), model, 65536)
    published = fit.plan(profile(), None, 65536)
    assert from_files is not None
    assert published is not None
    assert abs(from_files.weights - published.weights) < fit.GIB / 10


def test_bf16_does_not_fit_on_one_host_and_the_numbers_say_so() -> None:
    found = judged("model.weights_fit", wanted=ONE_NODE)[0]
    assert found.severity.value == "blocker"
    assert "82." in t(found.found)
    assert said("model.kv_room", wanted=ONE_NODE) == []


def test_w8a8_fits_on_one_host() -> None:
    text = swap(0, "model", ("total_size 716700000000", "total_size 358350000000"))
    found = judged("model.weights_fit", text, wanted=ONE_NODE)[0]
    assert found.severity.value == "ok"
    assert "41." in t(found.found)


@pytest.mark.parametrize(
    ("length", "severity"), [(8192, "ok"), (131072, "ok"), (180000, "warning"), (202752, "blocker")]
)
def test_longer_contexts_need_more_room_than_there_is(length: int, severity: str) -> None:
    wanted = profile(extra=f"[launch]\nmax_model_len = {length}")
    assert said("model.kv_room", wanted=wanted)[0][1] == severity


def test_without_expert_parallelism_nothing_is_certain() -> None:
    wanted = profile(extra="[launch]\nexpert_parallel = false")
    assert said("model.weights_fit", wanted=wanted) == [(None, "warning", "too_big")]


def test_without_hbm_or_config_the_plan_is_unknown() -> None:
    no_npu = {"npu": "npu-smi: command not found"}
    assert said("model.weights_fit", no_npu, no_npu)[0] == (None, "unknown", "no_hbm")
    other = profile(extra='[model]\nrepo = "someone/other"')
    absent = {"model": f"@model {MODEL}\nabsent"}
    assert said("model.kv_room", absent, absent, wanted=other)[0] == (None, "unknown", "no_config")


def _without(shard: str) -> dict[str, str | None]:
    return swap(0, "model", (f"file 7706451700 {shard}\n", ""))


@pytest.mark.parametrize(
    ("change", "variant"),
    [
        (_without(SHARD), "missing"),
        ({"model": f"{_without(SHARD)['model']}\ndownloading"}, "downloading"),
        (swap(0, "model", (f"file 7706451700 {SHARD}", f"file 135 {SHARD}")), "pointers"),
        (swap(0, "model", (f"file 7706451700 {SHARD}", f"file 5000000000 {SHARD}")), "short"),
        (swap(0, "model", ("config {", "nothing {")), "no_config"),
        ({"model": f"@model {MODEL}\nconfig {json.dumps(CONFIG)}"}, "no_index"),
    ],
)
def test_an_incomplete_model_is_told_by_what_it_lacks(change, variant: str) -> None:
    found = judged("model.complete", change)
    assert (found[0].severity.value, found[0].found.id.rpartition(".")[2]) == ("warning", variant)
    # Node 1 has all of it: copying is offered rather than a download.
    assert found[0].command.startswith("rsync -a --info=progress2 root@10.77.0.11:")
    assert found[1].severity.value == "ok"


def test_a_missing_model_is_copied_found_elsewhere_or_downloaded() -> None:
    absent = {"model": f"@model {MODEL}\nabsent"}
    assert said("model.present", absent)[0][2] == "copy"
    assert said("model.present", absent, absent)[0][2] == "absent"
    other = sections(0)["model"].replace(MODEL, "/data/GLM-4.7")
    assert said("model.present", {**absent, "models": other})[0][2] == "elsewhere"


@pytest.mark.parametrize(
    ("model", "flag", "expected"),
    [
        ("", "", ("ok", "ok")),
        (W8A8, 'quantization = "ascend"', ("ok", "w8a8")),
        (W8A8, "", ("blocker", "flag_missing")),
        ("", 'quantization = "ascend"', ("blocker", "flag_wrong")),
    ],
)
def test_the_quantization_flag_must_fit_the_weights(model, flag, expected) -> None:
    change = {"model": f"{sections(0)['model']}\n{model}"}
    wanted = profile(extra=f"[launch]\n{flag}")
    assert said("model.quantization", change, wanted=wanted)[0] == (0, *expected)


def test_weights_quantised_for_others_are_doubted() -> None:
    config = json.dumps({**CONFIG, "quantization_config": {"quant_method": "fp8"}})
    change = swap(0, "model", (json.dumps(CONFIG), config))
    assert said("model.quantization", change)[0] == (0, "warning", "foreign")


def test_another_architecture_and_too_long_a_context_are_found() -> None:
    change = swap(0, "model", ("Glm4MoeForCausalLM", "LlamaForCausalLM"))
    assert said("model.architecture", change)[0] == (0, "warning", "warning")
    change = swap(0, "model", ("202752", "4096"))
    assert said("model.context", change)[0] == (0, "blocker", "blocker")


def test_room_is_counted_by_what_is_still_missing() -> None:
    absent = {"model": f"@model {MODEL}\nabsent"}
    assert said("model.room", absent)[0] == (0, "ok", "ok")
    small = swap(0, "disk", ("9000000000 1 2000000000 9%", "9000000000 1 20000000 99%"))
    assert said("model.room", {**absent, **small})[0] == (0, "blocker", "blocker")
    # One shard is missing: 20 GB suffice.
    assert said("model.room", {**_without(SHARD), **small})[0] == (0, "ok", "ok")


def test_model_files_that_differ_are_named() -> None:
    other = swap(1, "model", (f"file 7706451700 {SHARD}", f"file 7706451701 {SHARD}"))
    found = judged("same.model", {}, other)[0]
    assert found.severity.value == "blocker"
    assert SHARD in t(found.found)
    sums = {"modelsum": f"{'ee' * 32}  config.json\n{'cd' * 32}  model.safetensors.index.json"}
    assert "config.json" in t(judged("same.model", {}, sums)[0].found)
    # A download still under way is no difference that blocks.
    assert said("same.model", {}, swap(1, "model", (f"file 7706451700 {SHARD}\n", ""))) == [
        (None, "warning", "differs")
    ]


def test_the_smallest_npu_of_all_nodes_decides() -> None:
    small = {"npu": IDLE.replace("65536", "32768")}
    assert said("model.weights_fit", {}, small)[0][1] == "blocker"


def test_nodes_without_npus_of_the_profile_do_not_count() -> None:
    seen = evidence()
    bare = replace(seen, facts={1: seen.facts[1]})
    assert run(profile(), bare, ["model.weights_fit"])[0].severity.value == "ok"
