"""A model folder against what its index promises."""

from __future__ import annotations

import pytest

from glm47_tui.node.weights import parse_config, parse_models

CONFIG = '{"architectures": ["Glm4MoeForCausalLM"], "num_hidden_layers": 92, "vocab_size": 151552}'
WHOLE = f"""@model /m
config {CONFIG}
total_size 20000
shard a.safetensors
shard b.safetensors
file 10000 a.safetensors
file 10050 b.safetensors
file 99 config.json"""


def test_a_whole_model() -> None:
    (model,) = parse_models(WHOLE, f"{'a' * 64}  config.json")
    assert model.complete
    assert (model.weight_bytes, model.short_bytes, model.missing) == (20050, 0, ())
    assert model.sums == {"config.json": "a" * 64}
    assert model.config is not None
    assert (model.config.layers, model.config.vocabulary) == (92, 151552)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("file 10050 b.safetensors", "", ("missing", ("b.safetensors",))),
        ("file 10050", "file 135", ("pointers", ("b.safetensors",))),
        ("file 10050", "file 5000", ("short_bytes", 5000)),
        ("file 99 config.json", "downloading", ("downloading", True)),
        ("file 99 config.json", "quantised", ("ascend", True)),
    ],
)
def test_what_lacks_is_named(old: str, new: str, what: tuple[str, object]) -> None:
    (model,) = parse_models(WHOLE.replace(old, new))
    assert getattr(model, what[0]) == what[1]


def test_an_absent_folder_one_in_one_file_and_several() -> None:
    gone, single, other = parse_models(
        f"@model /gone\nabsent\n@model /one\nconfig {CONFIG}\nfile 5000 model.safetensors\n"
        "@model /odd name\nfile x y\n"
    )
    assert not gone.exists
    assert not gone.complete
    assert single.complete
    assert (other.path, other.config, other.complete) == ("/odd name", None, False)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "3", '{"architectures": "x"}', "{" * 5000])
def test_configs_that_are_none_break_nothing(text: str) -> None:
    config = parse_config(text)
    assert config is None or config.architecture == ""


def test_numbers_of_the_wrong_kind_are_left_out() -> None:
    config = parse_config('{"hidden_size": true, "head_dim": -1, "vocab_size": "x", "dtype": null}')
    assert config is not None
    assert (config.hidden, config.head_dim, config.vocabulary, config.dtype) == (
        None,
        None,
        None,
        "",
    )
