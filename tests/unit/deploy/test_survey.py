"""Many steps asked in one round trip: what each said stays its own."""

from __future__ import annotations

import subprocess

import pytest

from glm47_tui.deploy.survey import Part, bundle, read_bundle, read_state


def ask(*parts: Part) -> str:
    done = subprocess.run(
        ["bash", "-s"], input=bundle(parts), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout


def script(body: str) -> str:
    return f'main() {{ {body}; }}\nmain "$@" </dev/null\n'


def test_each_part_gets_its_arguments_and_gives_its_state_and_code() -> None:
    out = ask(
        Part("lock", script('echo "@@ taken $2"'), ("take", "a b", "$HOME'"), first=True),
        Part("image", script('echo "said $1"; echo "@@ state done"')),
        Part("files", script("echo '@@ stale /a'; echo '@@ stale /b c'; echo '@@ state missing'")),
        Part("model", script("echo oops >&2; exit 3")),
    )
    found = read_bundle(out)
    assert list(found) == ["lock", "image", "files", "model"]
    assert found["lock"].fact("taken") == "a b"
    assert found["image"].word == "done" and found["image"].lines == ("said state",)
    assert found["files"].all("stale") == ("/a", "/b c") and found["files"].word == "missing"
    assert (found["model"].word, found["model"].code) == ("unknown", 3)
    assert found["model"].lines == ("oops",)


def test_parts_run_side_by_side_and_the_first_before_all(tmp_path: object) -> None:
    # Each waits for what the other makes: one after the other they would never end.
    a = Part("a", script(f'mkfifo {tmp_path}/x; echo hi >{tmp_path}/x; echo "@@ state done"'))
    b = Part(
        "b",
        script(
            f"until [ -p {tmp_path}/x ]; do sleep 0.01; done; read -r w <{tmp_path}/x; "
            'echo "@@ got $w"; echo "@@ state done"'
        ),
    )
    first = Part("f", script(f"[ ! -e {tmp_path}/x ] && echo '@@ state done'"), first=True)
    found = read_bundle(ask(b, a, first))
    assert found["b"].fact("got") == "hi"
    assert [found[p].word for p in "abf"] == ["done", "done", "done"]


def test_an_unfinished_line_does_not_run_into_the_next_part() -> None:
    found = read_bundle(ask(Part("a", script("printf 'no newline'")), Part("b", script("true"))))
    assert found["a"].lines == ("no newline",)
    assert found["b"].code == 0


def test_a_part_that_was_cut_off_is_missing() -> None:
    out = ask(Part("a", script("echo '@@ state done'")), Part("b", script("echo '@@ state done'")))
    assert "b" not in read_bundle(out[: out.rindex("@@ end b")])


def test_the_last_state_counts() -> None:
    state = read_state(["@@ state missing", "text", "@@ state done", "@@"], 0)
    assert state.word == "done" and state.lines == ("text", "@@")


def test_a_script_cannot_end_its_own_wrapping() -> None:
    with pytest.raises(ValueError, match="evil"):
        bundle([Part("evil", "GLM47_TUI_PART_0\n")])


def test_what_a_node_says_is_free_of_escape_codes() -> None:
    said = "\x1b[31m- \x1b]0;title\x07old line\x1b[0m\r\n\x1b]0;without an end\n"
    out = f"@@ part patches\n{said}@@ state broken\n@@ end patches 0\n"
    state = read_bundle(out)["patches"]
    assert (state.word, state.lines) == ("broken", ("- old line",))
