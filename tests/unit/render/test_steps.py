"""The steps' scripts, run by bash as a node runs them. What needs Docker is tried in the lab."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from glm47_tui.profile import Profile
from glm47_tui.render import deployed_files, step_ids, step_script
from glm47_tui.render.container import size_bytes, wanted_lines
from tests.unit.render.conftest import make_profile


@pytest.fixture
def site(tmp_path: Path) -> Profile:
    """A profile whose data mount is a folder of the test's."""
    data = tmp_path / "data"
    data.mkdir()
    return make_profile(
        container={"data_mount": str(data)}, model={"path": f"{data}/models/GLM-4.7"}
    )


def run(profile: Profile, step: str, *args: str, node: int = 0) -> tuple[int, list[str], str]:
    """Exit code, machine's lines without ``@@``, and all output."""
    done = subprocess.run(
        ["bash", "-s", "--", *args], input=step_script(profile, node, step), text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    facts = [x.removeprefix("@@ ") for x in done.stdout.splitlines() if x.startswith("@@ ")]
    return done.returncode, facts, done.stdout + done.stderr


def variants() -> list[Profile]:
    return [
        make_profile(),
        make_profile(1, launch={"parsers": "plugin", "tool_call_parser": "mine"}),
        make_profile(improvements={"shm_size": False, "detached": False, "drop_dead": True}),
    ]


@pytest.mark.parametrize("step", step_ids())
def test_scripts_are_sound(step: str) -> None:
    for profile in variants():
        for node in range(len(profile.nodes)):
            text = step_script(profile, node, step)
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)
            assert text.rstrip().endswith('main "$@" </dev/null')
            assert "{{ " not in text.replace("{{.", "").replace('{{"', "")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("step", step_ids())
def test_shellcheck_finds_nothing(step: str) -> None:
    for profile in variants():
        done = subprocess.run(
            ["shellcheck", "-s", "bash", "-"], input=step_script(profile, 0, step),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == ""


def test_an_unknown_step_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        step_script(make_profile(), 0, "_common")


def test_a_script_cut_off_in_transit_does_nothing(site: Profile) -> None:
    text = step_script(site, 0, "workdir")
    cut = text[: text.rindex("main")]
    subprocess.run(["bash", "-s", "--", "apply"], input=cut, text=True, check=True)
    assert not Path(site.base_dir).exists()


def test_workdir_is_made_and_taken_away(site: Profile) -> None:
    base = Path(site.base_dir)
    assert run(site, "workdir", "state")[1] == ["state missing"]
    assert run(site, "workdir", "apply")[0] == 0
    assert {p.name for p in base.iterdir()} == {"scripts", "patches", "backup", "logs", "state"}
    assert run(site, "workdir", "state")[1] == ["state done"]
    (base / "logs" / "x.txt").write_text("x")
    run(site, "workdir", "undo")
    assert [p.name for p in base.iterdir()] == ["logs"]
    run(site, "workdir", "undo", "purge")
    assert list(Path(site.container.data_mount).iterdir()) == []


def test_files_are_known_by_their_content(site: Profile) -> None:
    files = deployed_files(site, 1)
    for file in files:
        Path(file.path).parent.mkdir(parents=True, exist_ok=True)
        Path(file.path).write_bytes(file.data)
    assert run(site, "files", "state", node=1)[1] == ["state done"]
    Path(files[0].path).write_text("changed")
    Path(files[1].path).unlink()
    facts = run(site, "files", "state", node=1)[1]
    assert facts == [f"stale {files[0].path}", f"stale {files[1].path}", "state missing"]
    run(site, "files", "undo", node=1)
    assert not any(Path(f.path).exists() for f in files)


def write_model(folder: Path, sizes: dict[str, int], total: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    index = {
        "metadata": {"total_size": total},
        "weight_map": {f"layers.{n}.{i}.weight": x for n, x in enumerate(sizes) for i in (0, 1)},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    for name, size in sizes.items():
        (folder / name).write_bytes(b"\0" * size)


SHARDS = {f"model-0000{i}-of-00003.safetensors": 5000 for i in (1, 2, 3)}


def test_model_is_complete_by_its_index(site: Profile) -> None:
    folder = Path(site.model_path(0))
    assert "there is no folder" in run(site, "model", "state")[2]
    write_model(folder, SHARDS, 14000)
    facts = run(site, "model", "state")[1]
    assert facts == [f"path {folder}", "files 3 0", "bytes 15000 14000", "state done"]


def test_model_with_a_pointer_instead_of_weights_is_missing(site: Profile) -> None:
    folder = Path(site.model_path(0))
    write_model(folder, {**SHARDS, "model-00002-of-00003.safetensors": 135}, 14000)
    facts, text = run(site, "model", "state")[1:]
    assert "files 3 1" in facts
    assert facts[-1] == "state missing"
    assert "model-00002-of-00003.safetensors (135 bytes)" in text


def test_model_cut_short_is_missing(site: Profile) -> None:
    folder = Path(site.model_path(0))
    write_model(folder, {**SHARDS, "model-00003-of-00003.safetensors": 2000}, 14000)
    facts, text = run(site, "model", "state")[1:]
    assert facts[-1] == "state missing"
    assert "12000 of 14000 bytes" in text


def test_model_of_one_file_needs_no_index(site: Profile) -> None:
    folder = Path(site.model_path(0))
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"\0" * 2000)
    (folder / "config.json").write_text("{}")
    assert run(site, "model", "state")[1][-1] == "state done"


def test_lock_is_held_by_one(site: Profile) -> None:
    assert run(site, "lock", "state")[1] == ["free"]
    assert run(site, "lock", "take", "t1", "60", "anna@desk", "deploy")[1] == ["taken t1"]
    held = run(site, "lock", "take", "t2", "60", "ben@desk")[1][0].split()
    assert held[0] == "held"
    assert held[2:] == ["anna@desk", "deploy"]
    assert run(site, "lock", "beat", "t1")[1] == ["beaten"]
    assert run(site, "lock", "beat", "t2")[1] == ["lost"]
    run(site, "lock", "release", "t2")
    assert run(site, "lock", "state")[1][0].startswith("held")
    run(site, "lock", "release", "t1")
    assert list(Path(site.container.data_mount).iterdir()) == []


def test_a_lock_without_a_heartbeat_is_taken_over(site: Profile) -> None:
    run(site, "lock", "take", "t1", "60", "anna@desk")
    beat = Path(site.base_dir) / "lock" / "beat"
    os.utime(beat, (beat.stat().st_mtime - 100,) * 2)
    assert run(site, "lock", "take", "t2", "300", "ben")[1][0].startswith("held 10")
    code, facts, text = run(site, "lock", "take", "t2", "60", "ben@desk")
    assert (code, facts) == (0, ["taken t2"])
    assert "without a heartbeat" in text
    assert run(site, "lock", "beat", "t1")[1] == ["lost"]


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
def test_listening_is_read_from_the_kernel(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, 0))
        port = server.getsockname()[1]
        profile = make_profile(launch={"rpc_port": port})
        assert run(profile, "launch", "listening")[0] == 1
        server.listen()
        assert run(profile, "launch", "listening")[0] == 0
        assert run(profile, "launch", "wait_rpc", "5")[1] == [f"listening {port}"]


def test_the_log_is_shown_from_where_it_was_left(site: Profile) -> None:
    logs = Path(site.base_dir) / "logs"
    logs.mkdir(parents=True)
    (logs / "glm_47_infer_node0_log.txt").write_text("a\n\nb\nc\n")
    assert run(site, "launch", "last", "2")[2] == "b\nc\n"


def test_wanted_lines_are_what_docker_run_asks_for() -> None:
    lines = wanted_lines(make_profile(container={"shm_size": "512m", "devices": [2, 3]},
                                      launch={"tensor_parallel": 2}))  # fmt: skip
    assert "network host" in lines
    assert "shm 536870912" in lines
    assert "device /dev/davinci2:/dev/davinci2" in lines
    assert "device /dev/hisi_hdc:/dev/hisi_hdc" in lines
    assert "bind /usr/local/Ascend/driver/lib64:/usr/local/Ascend/driver/lib64" in lines
    assert "bind /opt/data:/root/.cache" in lines
    assert "env PYTORCH_NPU_ALLOC_CONF=max_split_size_mb:256" in lines
    without = wanted_lines(make_profile(improvements={"shm_size": False}))
    assert not [x for x in without if x.startswith("shm")]


@pytest.mark.parametrize(
    ("text", "size"), [("1g", 1 << 30), ("512m", 1 << 29), ("64mb", 1 << 26), ("4096", None)]
)
def test_sizes_are_dockers(text: str, size: int | None) -> None:
    if size is None:
        with pytest.raises(KeyError):
            size_bytes(text)
    else:
        assert size_bytes(text) == size


def test_no_container_means_that_nothing_is_wrong_yet(site: Profile) -> None:
    for step in ("launch", "patches"):
        assert run(site, step, "state")[1] == ["state missing"]
