"""Every rule: it speaks when it should, and keeps silent on what is right."""

from __future__ import annotations

from typing import Any

import pytest

from glm47_tui.i18n import LANGUAGES, set_language, t
from glm47_tui.profile import Profile, parse
from glm47_tui.render import LintFacts, LintNote, LintSeverity, lint, render, summary
from tests.unit.render.conftest import make_profile

GOOD = {
    "launch": {"additional_config": {}},
    "improvements": {"drop_dead": True},
}


def notes(facts: LintFacts | None = None, nodes: int = 2, **parts: Any) -> tuple[LintNote, ...]:
    return lint(make_profile(nodes, **parts), facts)


def launch(facts: LintFacts | None = None, **fields: Any) -> dict[str, LintNote]:
    """Notes on a launch that is clean but for the fields, by rule."""
    wanted = {"additional_config": {}, **fields}
    found = notes(facts, launch=wanted, improvements={"drop_dead": True})
    return {note.id: note for note in found if note.id != "multi_node"}


def args(*words: str) -> dict[str, Any]:
    return {"extra_args": list(words)}


def test_a_clean_launch_has_no_remark_but_the_vendors_caution() -> None:
    assert launch() == {}
    assert [n.id for n in notes(nodes=2, **GOOD)] == ["multi_node"]
    assert notes(nodes=1, **GOOD) == ()


def test_guides_dead_settings_are_named_each_with_replacement_and_source() -> None:
    found = summary(notes())
    dead = {n.subject: n for n in found if n.severity is LintSeverity.WARNING}
    assert set(dead) == {
        "VLLM_USE_V1", "enable_multistream_moe", "chunked_prefill_for_mla",
        "ascend_scheduler_config", "enable_weight_nz_layout",
    }  # fmt: skip
    assert all(n.replacement and n.source for n in dead.values())
    assert "multistream_overlap_shared_expert" in t(dead["enable_multistream_moe"].replacement)
    assert "VLLM_ASCEND_ENABLE_NZ" in t(dead["enable_weight_nz_layout"].replacement)


def test_notes_stand_beside_the_line_they_speak_of() -> None:
    profile = make_profile()
    rendered = render(profile)
    found = [n for n in lint(profile) if n.id in ("env_dead", "key_dead")]
    assert {n.file for n in found} == {f"scripts/glm_47_infer_node{i}.sh" for i in (0, 1)}
    for note in found:
        line = rendered.find(note.file).text.splitlines()[note.line - 1]
        assert note.subject in line


CASES: list[tuple[dict[str, Any], str, str]] = [
    (args("--max-batched-tokens", "3"), "flag_unknown", "--max-batched-tokens"),
    (args("--disable-log-requests"), "flag_deprecated", "--disable-log-requests"),
    (args("--enforce-eager", "true"), "flag_no_value", "--enforce-eager"),
    (args("--seed"), "flag_needs_value", "--seed"),
    (args("--seed", "1", "2"), "flag_many", "--seed"),
    (args("yes"), "word_stray", "yes"),
    (args("--seed", "1", "--seed=2"), "flag_twice", "--seed"),
    (args("--port", "9000"), "flag_field", "--port"),
    (args("-tp", "4"), "flag_field", "-tp"),
    (args("--data-parallel-rank", "0", "--headless"), "flag_per_node", "--headless"),
    (args("--api-key", "abc"), "secret_flag", "--api-key"),
    ({"env": {"VLLM_ASCEND_ENABLE_FLASHCOM1": "1"}}, "env_unknown", "VLLM_ASCEND_ENABLE_FLASHCOM1"),
    ({"env": {"HCCL_BUFSIZE": "512"}}, "env_typo", "HCCL_BUFSIZE"),
    ({"env": {"GLOO_SOCKET_IFNAME": "eth0"}}, "env_per_node", "GLOO_SOCKET_IFNAME"),
    ({"env": {"HF_TOKEN": "abc"}}, "secret_env", "HF_TOKEN"),
    ({"env": {"HCCL_BUFFSIZE": "1g"}}, "hccl_buffsize", "HCCL_BUFFSIZE"),
    ({"env": {"VLLM_ASCEND_ENABLE_NZ": "yes"}}, "nz_value", "VLLM_ASCEND_ENABLE_NZ"),
    ({"env": {"ASCEND_LAUNCH_BLOCKING": "1"}}, "launch_blocking", "ASCEND_LAUNCH_BLOCKING"),
    ({"env": {"HCCL_OP_EXPANSION_MODE": "HOST"}}, "expansion_mode", "HCCL_OP_EXPANSION_MODE"),
    ({"env": {"VLLM_ASCEND_ENABLE_FUSED_MC2": "1"}}, "fused_mc2", "VLLM_ASCEND_ENABLE_FUSED_MC2"),
    (args("--compilation-config", "{mode:3}"), "bad_json", "--compilation-config"),
    (args("--compilation-config", "3"), "bad_json", "--compilation-config"),
    ({"additional_config": {"enable_shared_expert": 1}}, "key_unknown", "enable_shared_expert"),
    (
        {"additional_config": {"xlite_graph_config": {"enable": True}}},
        "key_unknown",
        "xlite_graph_config.enable",
    ),
    (
        {"additional_config": {"enable_shared_expert_dp": True}},
        "shared_expert_dp",
        "enable_shared_expert_dp",
    ),
    (args("--data-parallel-rpc-port", "8080"), "ports_equal", "--data-parallel-rpc-port"),
    ({"quantization": "ascend"}, "quant_unsure", "--quantization"),
    ({"tool_call_parser": "glm74"}, "parser_unknown", "--tool-call-parser"),
    ({"tool_call_parser": "glm45"}, "parser_other", "--tool-call-parser"),
    ({"reasoning_parser": "glm48"}, "parser_unknown", "--reasoning-parser"),
    ({"reasoning_parser": "qwen3"}, "parser_other", "--reasoning-parser"),
    ({"reasoning_parser": "deepseek_r1"}, "parser_r1", "--reasoning-parser"),
    ({"max_num_batched_tokens": 4}, "batched_seqs", "--max-num-batched-tokens"),
    (
        {"max_num_batched_tokens": 4096, "extra_args": ["--no-enable-chunked-prefill"]},
        "batched_length",
        "--max-num-batched-tokens",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "rule", "subject"), CASES)
def test_rule_speaks(fields: dict[str, Any], rule: str, subject: str) -> None:
    found = launch(**fields)
    assert rule in found
    assert found[rule].subject == subject
    assert found[rule].line > 0


@pytest.mark.parametrize(
    ("fields", "near"),
    [
        (args("--max-num-batched-token", "1", "--max-num-sequence", "1"), "--max-num-seqs"),
        (args("--enable-expert-paralel"), "--enable-expert-parallel"),
        ({"env": {"VLLM_ASCEND_ENABLE_FLASHCOM1": "1"}}, "VLLM_ASCEND_ENABLE_FLASHCOMM1"),
        ({"additional_config": {"enable_cpu_bindings": True}}, "enable_cpu_binding"),
        ({"tool_call_parser": "glm4.7"}, "glm47"),
    ],
)
def test_a_near_miss_is_told_what_was_meant(fields: dict[str, Any], near: str) -> None:
    answers = [t(n.replacement) for n in launch(**fields).values() if n.replacement]
    assert any(near in answer for answer in answers)


@pytest.mark.parametrize(
    "fields",
    [
        args("--async-scheduling"),
        args("--no-enable-prefix-caching"),
        args("--max_logprobs", "5"),
        args("--seed=1024"),
        args("--compilation-config.cudagraph_mode", "FULL_DECODE_ONLY"),
        args("--compilation-config", '{"cudagraph_mode":"FULL_DECODE_ONLY"}'),
        args("-O3"),
        args("--cudagraph-capture-sizes", "1", "2", "4"),
        args("--override-generation-config", '{"top_p":0.95}'),
        {"env": {"VLLM_LOGGING_LEVEL": "DEBUG", "HCCL_CONNECT_TIMEOUT": "600", "MY_OWN": "1"}},
        {"env": {"VLLM_ASCEND_BALANCE_SCHEDULING": "1", "VLLM_ASCEND_ENABLE_NZ": "2"}},
        {"env": {"ASCEND_LAUNCH_BLOCKING": "1"}, "extra_args": ["--enforce-eager"]},
        {"additional_config": {"enable_cpu_binding": True, "ascend_compilation_config":
            {"fuse_norm_quant": False}}},
        {"parsers": "plugin"},
        {"parsers": "plugin", "reasoning_parser": "glm47"},
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(fields: dict[str, Any]) -> None:
    assert launch(**fields) == {}


def test_quantization_is_judged_by_what_is_on_disk_before_what_names_say() -> None:
    quantized, bf16 = LintFacts(quantized=True), LintFacts(quantized=False)
    assert launch(bf16, quantization="ascend")["quant_bf16"].severity is LintSeverity.ERROR
    assert "quant_bf16" not in launch(quantized, quantization="ascend")
    assert "quant_missing" in launch(quantized)
    w8a8 = {"path": "/opt/data/models/GLM-4.7-W8A8", "repo": "Eco-Tech/GLM-4.7-W8A8-floatmtp"}
    named = {n.id for n in notes(model=w8a8, **GOOD)}
    assert "quant_missing" in named
    assert "quant_missing" not in {n.id for n in notes(bf16, model=w8a8, **GOOD)}


MTP = args(
    "--speculative-config", '{"method":"mtp","num_speculative_tokens":3}',
    "--compilation-config", '{"cudagraph_mode":"FULL_DECODE_ONLY"}',
)  # fmt: skip


def test_mtp_with_a_full_graph_fails_before_rc2_and_is_doubtful_after() -> None:
    assert launch(**MTP)["mtp_full_graph"].severity is LintSeverity.ERROR
    later = launch(LintFacts(vllm_ascend="0.13.0"), **MTP)
    assert "mtp_full_graph" not in later
    assert later["mtp_full_graph_later"].severity is LintSeverity.INFO
    eager = args("--speculative-config", '{"method":"mtp","num_speculative_tokens":3}')
    assert launch(**eager) == {}


def test_a_vllm_that_has_glm47_built_in_needs_no_patch() -> None:
    found = launch(LintFacts(parsers=frozenset({"glm45", "glm47"})))
    assert found["parser_builtin"].severity is LintSeverity.INFO


def test_what_the_container_holds_beats_the_tag() -> None:
    scheduler = {"ascend_scheduler_config": {"enabled": True}}
    found = notes(launch={"additional_config": scheduler})
    assert "key_dead" in {n.id for n in found}
    old = notes(LintFacts(vllm_ascend="0.11.0"), launch={"additional_config": scheduler})
    assert "key_dead" not in {n.id for n in old}
    assert "version_near" in {n.id for n in old}


def test_an_image_without_a_version_is_judged_as_the_guides_and_says_so() -> None:
    found = {n.id for n in notes(container={"image": "sha256:" + "0" * 64}, **GOOD)}
    assert "version_assumed" in found


def test_shm_and_ipv6() -> None:
    found = notes(improvements={"shm_size": False, "drop_dead": True})
    shm = next(n for n in found if n.id == "shm_off")
    assert shm.file == "scripts/docker_run.sh"
    assert shm.line == 4
    six = [{"host": f"fd00::{i}", "nic": "eth0", "ip": f"fd00::{i}"} for i in (1, 2)]
    assert "host_ipv4" in {n.id for n in lint(_with_nodes(six))}
    assert "host_ipv4" not in {n.id for n in lint(_with_nodes(six, launch={"host": "::"}))}


def _with_nodes(nodes: list[dict[str, str]], **parts: Any) -> Profile:
    return parse({"schema": 1, "name": "six", "nodes": nodes, **parts})


def test_errors_come_first() -> None:
    order = [LintSeverity.ERROR, LintSeverity.WARNING, LintSeverity.INFO]
    found = notes(launch={"extra_args": ["--nonsense"]})
    ranks = [order.index(n.severity) for n in found]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_note_has_words_in_both_languages(language: str) -> None:
    set_language(language)
    found = [n for fields, *_ in CASES for n in launch(**fields).values()]
    found += notes()
    for note in found:
        for msg in (note.what, note.replacement):
            if msg is not None:
                words = t(msg)
                assert not words.startswith("lint.")
                assert "{" not in words.replace("{mode:3}", "")
