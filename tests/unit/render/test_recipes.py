"""The launch presets."""

from __future__ import annotations

from typing import Any

import pytest

from glm47_tui.i18n import LANGUAGES, set_language, t
from glm47_tui.profile import Profile, parse
from glm47_tui.render import LintSeverity, Recipe, apply_recipe, lint, recipes, render

SITE: dict[str, Any] = {
    "schema": 1,
    "name": "site",
    "model": {"path": "/opt/data/models/GLM-4.7"},
    "launch": {"port": 9001, "rpc_port": 9002, "parsers": "plugin", "max_num_seqs": 99,
               "env": {"MINE": "1"}},
    "nodes": [
        {"host": "a", "nic": "eth0", "ip": "10.0.0.1", "model_path": "/opt/data/ssd/GLM-4.7"},
        {"host": "b", "nic": "eth0", "ip": "10.0.0.2"},
    ],
}  # fmt: skip


def applied(recipe: Recipe) -> Profile:
    data = {**SITE, "nodes": SITE["nodes"][: recipe.nodes]}
    return parse(apply_recipe(data, recipe))


def by_id(name: str) -> Recipe:
    return next(r for r in recipes() if r.id == name)


def test_the_guides_comes_first() -> None:
    assert [r.id for r in recipes()] == ["two-hosts-bf16", "one-host-w8a8", "two-hosts-w8a8"]


@pytest.mark.parametrize("recipe", recipes(), ids=lambda r: r.id)
def test_each_gives_a_valid_launch_without_errors(recipe: Recipe) -> None:
    bad = {n.id for n in lint(applied(recipe)) if n.severity is not LintSeverity.INFO}
    assert bad == ({"key_dead", "env_dead"} if recipe.id == "two-hosts-bf16" else set())


@pytest.mark.parametrize("recipe", recipes(), ids=lambda r: r.id)
def test_the_sites_own_settings_stay(recipe: Recipe) -> None:
    before = str(SITE)
    profile = applied(recipe)
    assert (profile.launch.port, profile.launch.rpc_port) == (9001, 9002)
    assert profile.launch.parsers == "plugin"
    assert "MINE" not in profile.launch.env
    assert [n.host for n in profile.nodes] == ["a", "b"][: recipe.nodes]
    assert str(SITE) == before


def test_the_models_folder_follows_the_repository() -> None:
    guide = applied(by_id("two-hosts-bf16"))
    assert guide.model_path(0) == "/opt/data/ssd/GLM-4.7"
    other = applied(by_id("two-hosts-w8a8"))
    assert other.model.repo == "Eco-Tech/GLM-4.7-W8A8-floatmtp"
    assert other.model_path(0) == "/opt/data/ssd/GLM-4.7-W8A8-floatmtp"
    assert other.model_path(1) == "/opt/data/models/GLM-4.7-W8A8-floatmtp"


def test_going_back_to_the_guides_gives_the_guides_launch() -> None:
    data = apply_recipe(apply_recipe(SITE, by_id("two-hosts-w8a8")), by_id("two-hosts-bf16"))
    assert parse(data) == applied(by_id("two-hosts-bf16"))


def test_official_two_host_recipe_as_a_script() -> None:
    text = render(applied(by_id("two-hosts-w8a8"))).find("scripts/glm_47_infer_node1.sh").text
    for line in (
        "export HCCL_BUFFSIZE=512", "export VLLM_ASCEND_BALANCE_SCHEDULING=1",
        "--quantization ascend \\", "--seed 1024 \\", "--max-model-len 140000 \\",
        "--compilation-config '{\"cudagraph_capture_sizes\":[1,2,4,8,16,32,64,128,256,512],"
        "\"cudagraph_mode\":\"FULL_DECODE_ONLY\"}'",
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "VLLM_USE_V1" not in text
    assert "--additional-config" not in text
    assert "speculative" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_has_words(language: str) -> None:
    set_language(language)
    for recipe in recipes():
        assert not t(recipe.title).startswith("render.")
        assert not t(recipe.summary).startswith("render.")
