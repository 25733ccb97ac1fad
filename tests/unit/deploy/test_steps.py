"""Steps on a node: looked at, brought about, looked at again; and their words."""

from __future__ import annotations

import pytest

from glm47_tui.deploy.errors import Trouble
from glm47_tui.deploy.events import Progress, Status, StepChanged
from glm47_tui.deploy.model_step import Rate, read_bytes, size_words, time_words
from glm47_tui.deploy.node_steps import Files, Image, Pull, differences
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.steps import bring
from glm47_tui.deploy.survey import read_state
from glm47_tui.i18n import t
from glm47_tui.remote.api import Connection
from glm47_tui.render import deployed_files
from tests.unit.deploy.conftest import Events, Place


def bring_files(place: Place, **more: object) -> tuple[list[str], Run]:
    events = Events()
    run = place.run(events)
    run.dry = bool(more.get("dry"))
    run.each("files", lambda node: bring(run, node, Files()))
    return [e.status.value for e in events.of(StepChanged)], run


def test_files_are_written_once_and_a_second_time_nothing(place: Place) -> None:
    said, run = bring_files(place)
    assert said == ["looking", "applying", "applied"] and run.bus.changed == 1
    for file in deployed_files(place.profile, 0):
        path = place.base / file.path.removeprefix(f"{place.base}/")
        assert path.read_bytes() == file.data
        assert path.stat().st_mode & 0o777 == file.mode
    said, run = bring_files(place)
    assert said == ["looking", "present"] and run.bus.changed == 0


def test_only_what_differs_is_written_again(place: Place) -> None:
    bring_files(place)
    wanted = deployed_files(place.profile, 0)
    changed = place.base / wanted[0].path.removeprefix(f"{place.base}/")
    others = {f.path: place.base.joinpath(f.path).stat().st_ino for f in wanted[1:]}
    changed.write_text("edited by hand")
    said, _ = bring_files(place)
    assert said == ["looking", "applying", "applied"]
    assert changed.read_bytes() == wanted[0].data
    assert {p: place.base.joinpath(p).stat().st_ino for p in others} == others


def test_a_dry_run_changes_nothing(place: Place) -> None:
    said, run = bring_files(place, dry=True)
    assert said == ["looking", "needed"] and run.bus.changed == 0
    assert not place.base.exists()


def test_a_cut_connection_is_made_again_and_the_step_begins_anew(place: Place) -> None:
    events = Events()
    run = place.run(events)

    class Cut(Files):
        def apply(self, run: Run, node: Node, state: object, args: tuple[str, ...]) -> None:
            if not any(e.status is Status.APPLYING for e in events.of(StepChanged)[:-1]):
                place.server.kill_sessions()
            super().apply(run, node, state, args)  # type: ignore[arg-type]

    run.each("files", lambda node: bring(run, node, Cut()))
    said = [e.status.value for e in events.of(StepChanged)]
    assert said[-1] in ("applied", "present")
    assert any(e.note.id == "deploy.progress.reconnect" for e in events.of(Progress))
    connection: Connection = place.fleet.connections[0]
    assert connection.alive


def test_docker_that_does_not_answer_is_a_clear_error(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = place.run()
    run.nodes[0].states["image"] = read_state(
        ["Cannot connect to the Docker daemon", "@@ state broken"], 0
    )
    with pytest.raises(Trouble) as caught:
        run.each("image", lambda node: bring(run, node, Image()))
    assert "Cannot connect to the Docker daemon" in t(caught.value.error.what)
    assert "systemctl start docker" in t(caught.value.error.fix or "")


def test_pull_progress_counts_layers(place: Place) -> None:
    events = Events()
    run = place.run(events)
    pull = Pull(run, run.nodes[0], 60)
    layers = ("0123456789ab", "ba9876543210")
    for line in (
        "v0.13.0rc1: Pulling from ascend/vllm-ascend",
        f"{layers[0]}: Pulling fs layer",
        f"{layers[1]}: Pulling fs layer",
        f"{layers[0]}: Verifying Checksum",
        f"{layers[0]}: Download complete",
        f"{layers[0]}: Pull complete",
        f"{layers[1]}: Already exists",
        "Digest: sha256:00",
    ):
        pull.line(line)
    shares = [e.fraction for e in events.of(Progress)]
    assert shares[0] == 0.0 and shares[-1] == 1.0 and shares == sorted(shares)  # type: ignore[type-var]
    assert t(events.of(Progress)[-1].note) == "pulling the image: 2 of 2 layers"


def test_download_rate_is_that_of_the_last_minute() -> None:
    rate = Rate()
    assert rate.per_s is None
    rate.add(0.0, 0)
    rate.add(10.0, 1_000)
    assert rate.per_s == 100.0
    for second in range(20, 200, 10):
        rate.add(float(second), 1_000 + (second - 10) * 10)
    assert rate.per_s == 10.0


def test_sizes_and_times_for_people() -> None:
    assert [size_words(n) for n in (0, 999, 1500, 716_700_000_000, 1_500_000_000_000)] == [
        "0 B", "999 B", "1.5 kB", "716.7 GB", "1.50 TB",
    ]  # fmt: skip
    assert [time_words(n) for n in (5, 187, 7500)] == ["5s", "3m07s", "2h05m"]


def test_bytes_that_nobody_knows_are_zero() -> None:
    assert read_bytes(read_state(["@@ bytes 12 40"], 0)) == (12, 40)
    assert read_bytes(read_state(["@@ bytes 12"], 0)) == (12, 0)
    assert read_bytes(read_state(["@@ bytes x y"], 0)) == (0, 0)
    assert read_bytes(read_state([], 0)) == (0, 0)


def test_how_a_container_differs_in_lines() -> None:
    state = read_state(
        ["@@ differs image sha256:a sha256:b", "@@ absent shm 1g", "@@ extra device /dev/x"], 0
    )
    assert differences(state) == ["image image sha256:a sha256:b", "- shm 1g", "+ device /dev/x"]
