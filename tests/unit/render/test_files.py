"""What comes out as files: on the nodes, and in the folder for doing it by hand."""

from __future__ import annotations

import hashlib
import posixpath
import shlex
from pathlib import Path

import pytest

from glm47_tui import assets
from glm47_tui.checks.reach import reach_script
from glm47_tui.i18n import LANGUAGES, set_language, t
from glm47_tui.node.probe import probe_script
from glm47_tui.profile import Profile
from glm47_tui.render import (
    commands,
    deployed_files,
    render,
    step_ids,
    step_script,
    undo_commands,
    write,
)
from tests.unit.render.conftest import make_profile

SITE = {
    "ssh": {"jump": "root@10.78.0.2:2022", "identity": "~/.ssh/my key", "port": 2200, "user": "ops"}
}


def test_a_node_gets_its_own_launch_script_and_what_all_get(pair: Profile) -> None:
    names = {posixpath.basename(f.path) for f in deployed_files(pair, 1)}
    assert "glm_47_infer_node1.sh" in names
    assert "glm_47_infer_node0.sh" not in names
    assert {"docker_run.sh", "modelscope_glm_47.py", "patches.sh", "manifest.toml"} <= names
    assert not [n for n in names if n.startswith("README")]
    for file in deployed_files(pair, 1):
        assert file.path.startswith("/opt/data/glm47-tui/atlas-pair/")
        assert file.sha256 == hashlib.sha256(file.data).hexdigest()


def test_rendering_is_a_function_of_the_profile() -> None:
    assert render(make_profile(3)) == render(make_profile(3))


def test_the_folder_holds_all_files_with_their_modes(pair: Profile, tmp_path: Path) -> None:
    paths = write(render(pair), tmp_path / "out")
    assert sorted(paths) == sorted(p for p in (tmp_path / "out").rglob("*") if p.is_file())
    for file in render(pair).files:
        target = tmp_path / "out" / file.path
        assert target.read_bytes() == file.data
        assert target.stat().st_mode & 0o777 == file.mode


def test_what_only_looks_is_in_the_folder_too_as_it_is_sent(pair: Profile) -> None:
    rendered = render(pair)
    sent = {
        "probe": probe_script(),
        "reach": reach_script(),
        "hccn_ping": assets.text("scripts", "checks", "hccn_ping.sh"),
        "monitor": assets.text("scripts", "monitor.sh"),
    }
    for name, script in sent.items():
        assert rendered.find(f"looks/{name}.sh").text == script
    assert not [f for f in rendered.for_node(0) if f.path.startswith("looks/")]


def test_writing_twice_replaces_and_leaves_other_files(pair: Profile, tmp_path: Path) -> None:
    write(render(pair), tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "scripts" / "docker_run.sh").write_text("old")
    write(render(pair), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "docker run" in (tmp_path / "scripts" / "docker_run.sh").read_text()


def test_finding_a_file_that_is_not_there_is_a_key_error(pair: Profile) -> None:
    with pytest.raises(KeyError):
        render(pair).find("scripts/nothing.sh")


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
@pytest.mark.parametrize("nodes", [1, 2, 5])
@pytest.mark.parametrize("parsers", ["patch", "plugin"])
def test_by_hand_readme_holds_every_command(readme: str, nodes: int, parsers: str) -> None:
    profile = make_profile(nodes, launch={"parsers": parsers}, **SITE)
    text = render(profile).find(readme).text
    lines = {line.partition("   #")[0].strip() for line in text.splitlines()}
    for node in range(nodes):
        for command in (*commands(profile, node), *undo_commands(profile, node)):
            assert set(command.text.splitlines()) <= lines, command.id
    assert "{{" not in text
    assert "\n\n\n" not in text


def test_readme_has_a_chapter_for_each_kind_of_node() -> None:
    profile = make_profile(3)
    nodes = list(profile.nodes)
    nodes[2] = nodes[2].model_copy(update={"model_path": "/opt/data/ssd/GLM-4.7"})
    rendered = render(profile.model_copy(update={"nodes": tuple(nodes)}))
    text = rendered.find("README.md").text
    assert "### node0, node1\n" in text
    assert "### node2\n" in text
    assert "--model /root/.cache/ssd/GLM-4.7" in text
    assert "node2/. root@10.77.0.12:/opt/data/glm47-tui/atlas-pair/" in text


def test_copying_goes_the_way_the_profile_logs_in() -> None:
    copy = commands(make_profile(**SITE), 1)[0]
    assert copy.where == "here"
    login, scp = copy.text.splitlines()
    through = "ssh -i ~/'.ssh/my key' -p 2022 -W '[%h]:%p' root@10.78.0.2"
    assert shlex.split(login) == [
        "ssh", "-i", "~/.ssh/my key", "-o", f"ProxyCommand={through}", "-p", "2200",
        "ops@10.77.0.11", "mkdir", "-p", "/opt/data/glm47-tui/atlas-pair",
    ]  # fmt: skip
    assert login.startswith("ssh -i ~/'.ssh/my key' ")
    assert "-P 2200 scripts patches ops@10.77.0.11:" in scp
    plain = commands(make_profile(ssh={"jump": "root@10.78.0.2:22"}), 1)[0].text.splitlines()
    assert plain[0].startswith("ssh -J root@10.78.0.2:22 root@10.77.0.11 mkdir")
    assert commands(make_profile(), 1)[0].text.startswith("ssh root@10.77.0.11 mkdir")


def test_node_0_alone_waits_and_verifies(pair: Profile) -> None:
    ids = [c.id for c in commands(pair, 0)]
    assert ids.index("launch") < ids.index("wait") < ids.index("verify")
    assert not {"wait", "verify"} & {c.id for c in commands(pair, 1)}
    assert "wait" not in {c.id for c in commands(make_profile(1), 0)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_have_words(language: str, pair: Profile) -> None:
    set_language(language)
    for command in (*commands(pair, 0), *undo_commands(pair, 0)):
        assert not t(command.what).startswith("render.")


def test_no_rendered_file_holds_a_secret_or_a_place_of_this_machine(pair: Profile) -> None:
    root = str(Path(__file__).resolve().parents[3])
    for file in render(pair).files:
        assert root not in file.text
        assert "MODELSCOPE-TOKEN" not in file.text


def test_what_lands_on_a_node_is_what_is_previewed() -> None:
    profile = make_profile(3)
    nodes = list(profile.nodes)
    nodes[1] = nodes[1].model_copy(update={"model_path": "/opt/data/ssd/GLM-4.7"})
    profile = profile.model_copy(update={"nodes": tuple(nodes)})
    rendered = render(profile)
    for node in range(3):
        previewed = [(f.path, f.sha256, f.mode) for f in rendered.for_node(node)]
        landed = [
            (posixpath.relpath(f.path, profile.base_dir), f.sha256, f.mode)
            for f in deployed_files(profile, node)
        ]
        assert sorted(previewed) == sorted(landed)


def test_what_runs_on_a_node_is_in_the_folder_too(pair: Profile, tmp_path: Path) -> None:
    write(render(pair), tmp_path)
    for node in (0, 1):
        for step in step_ids():
            file = tmp_path / "steps" / f"node{node}" / f"{step}.sh"
            assert file.read_text(encoding="utf-8") == step_script(pair, node, step)


def test_every_further_node_adds_its_own_files_only() -> None:
    few, many = (len(render(make_profile(n)).files) for n in (2, 64))
    assert many - few == 62 * (1 + len(step_ids()))
