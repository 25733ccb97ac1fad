"""A profile being written: values, problems where they belong, what is kept on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from glm47_tui.errors import UserError
from glm47_tui.profile import load, path_of
from glm47_tui.session import drafts
from glm47_tui.session.draft import Draft, split_path
from glm47_tui.session.fields import (
    ADVANCED,
    BASICS,
    LOGIN,
    Field,
    default_of,
    node_fields,
    problem_of,
    to_text,
    to_value,
)

NODE = {"host": "10.77.0.10", "nic": "enp67s0f5", "ip": "10.77.0.10"}


def a_draft(**values: object) -> Draft:
    return Draft({"schema": 1, "name": "pair", "nodes": [dict(NODE)], **values})


def test_paths_are_split_as_the_profile_room_writes_them() -> None:
    assert split_path("nodes[1].ssh.user") == ("nodes", 1, "ssh", "user")


def test_a_value_is_set_below_tables_that_are_not_there_yet() -> None:
    draft = a_draft()
    assert draft.set("ssh.jump", "root@10.78.0.2:22")
    assert draft.get("ssh.jump") == "root@10.78.0.2:22"
    assert not draft.set("ssh.jump", "root@10.78.0.2:22")
    assert draft.set("ssh.jump", None)
    assert draft.get("ssh.jump") is None


def test_a_problem_stands_at_its_field() -> None:
    draft = a_draft(launch={"port": 70000})
    field = next(f for f in ADVANCED["launch"] if f.path == "launch.port")
    assert problem_of(field, draft.problems) is not None
    assert draft.profile is None


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ({"launch": {"rpc_port": 8080}}, "launch.rpc_port", "profile.bad.ports_equal"),
        ({"launch": {"tensor_parallel": 16}}, "launch.tensor_parallel", "profile.bad.npus"),
        ({"container": {"devices": [0] * 8}}, "container.devices", "profile.bad.devices_twice"),
        ({"model": {"path": "/srv/GLM-4.7"}}, "model.path", "profile.bad.outside_mount"),
    ],
)
def test_what_is_wrong_between_fields_is_shown_at_one_of_them(
    values: dict[str, object], path: str, message: str
) -> None:
    for nodes in ([dict(NODE)], []):
        draft = Draft({"schema": 1, "name": "pair", "nodes": nodes, **values})
        found = problem_of(Field(path), draft.problems)
        assert found is not None
        assert found.id == message


def test_a_draft_without_addresses_can_be_connected_with() -> None:
    draft = Draft({"schema": 1, "name": "", "nodes": [{"host": "a"}, {"host": "b"}]})
    assert draft.profile is None
    profile = draft.for_connecting()
    assert profile is not None
    assert [n.host for n in profile.nodes] == ["a", "b"]


def every_field() -> list[Field]:
    groups = [f for group in ADVANCED.values() for f in group]
    return [*BASICS, *groups, *LOGIN, *node_fields(0)]


@pytest.mark.parametrize("field", every_field(), ids=lambda f: f.path)
def test_a_default_survives_the_way_through_a_form(field: Field) -> None:
    default = default_of(field.path)
    if field.kind not in ("choice", "bool"):
        assert to_value(field, to_text(field, default)) == (default or None)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "8080", 8080),
        ("int", "80 80", "80 80"),
        ("float", "0.9", 0.9),
        ("ints", "0, 1,2", [0, 1, 2]),
        ("words", "--a 'b c'", ["--a", "b c"]),
        ("pairs", "A=1 B='x y'", {"A": "1", "B": "x y"}),
        ("pairs", "A", "A"),
        ("json", '{"a": 1}', {"a": 1}),
        ("json", "{", "{"),
        ("text", "  ", None),
    ],
)
def test_a_forms_text_is_read_or_left_to_the_profile_room(
    kind: str, text: str, value: object
) -> None:
    assert to_value(Field("x", kind), text) == value


def test_an_incomplete_draft_is_kept_and_read_back() -> None:
    draft = Draft({"schema": 1, "name": "not yet", "nodes": [{"host": "bad host"}]})
    file = drafts.keep(draft)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert drafts.list_drafts() == ("not_yet",)
    again = drafts.open_draft("not_yet")
    assert again.data == draft.data
    assert again.changed


def test_saving_keeps_comments_and_order_of_the_users_own_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'schema = 1\nname = "pair"  # ours\n\n# how to get in\n[ssh]\nuser = "ops"\n\n'
        '[[nodes]]\nhost = "10.77.0.10"\nnic = "enp67s0f5"\nip = "10.77.0.10"\n'
    )
    draft = drafts.open_profile(str(file))
    draft.set("ssh.port", 2222)
    assert drafts.save_profile(draft) == file
    text = file.read_text()
    assert "# ours" in text
    assert load(file).ssh.port == 2222
    assert load(file).ssh.user == "ops"


def test_a_new_profile_is_saved_under_its_name_and_its_draft_goes() -> None:
    draft = a_draft()
    drafts.keep(draft)
    assert drafts.save_profile(draft) == path_of("pair")
    assert drafts.list_drafts() == ()
    assert not draft.changed


def test_what_does_not_hold_is_not_saved() -> None:
    with pytest.raises(UserError):
        drafts.save_profile(a_draft(launch={"port": 0}))


def test_a_faulty_profile_opens_so_that_it_can_be_mended(tmp_path: Path) -> None:
    file = tmp_path / "faulty.toml"
    file.write_text('schema = 1\nname = "pair"\n[launch]\nport = 0\n')
    draft = drafts.open_profile(str(file))
    assert "launch.port" in draft.problems


def test_a_recipe_begins_a_profile_under_a_free_name() -> None:
    first = drafts.new_draft("two-hosts-bf16")
    drafts.keep(first)
    second = drafts.new_draft("two-hosts-bf16")
    assert (first.name, second.name) == ("glm47", "glm47-2")
    assert not [w for w in second.problems if not w.startswith("nodes")]
