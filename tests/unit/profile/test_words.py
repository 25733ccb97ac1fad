"""Words for `vllm serve`: JSON may stand in them, nothing that ends a quoted word."""

from __future__ import annotations

import pytest

from glm47_tui.profile import ProfileInvalid
from tests.unit.render.conftest import make_profile


def test_json_is_a_word() -> None:
    words = ["--compilation-config", '{"cudagraph_mode":"FULL_DECODE_ONLY"}']
    assert make_profile(launch={"extra_args": words}).launch.extra_args == tuple(words)


@pytest.mark.parametrize("bad", ["it's", "a\nb", "$(id)", "`id`", "a\\b", "\x00"])
def test_what_could_end_the_word_is_refused(bad: str) -> None:
    with pytest.raises(ProfileInvalid) as found:
        make_profile(launch={"extra_args": [bad]})
    assert found.value.problems[0].where == "launch.extra_args[0]"
