"""Image and container on real Docker Engines: a cut pull, a container that differs, the guide's own
docker_run.sh with its terminal. Each test ends the run before any engine starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import node as look
from tests.lab.kit import registry
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, IMAGE, NODES, host
from tests.lab.kit.tool import LIMIT, Event, Outcome, Tool

BY_HAND = (
    f"docker run -itd --name {CONTAINER} --net=host --device /dev/davinci0 "
    f"-v /opt/data:/root/.cache {IMAGE} bash"
)


@pytest.fixture(autouse=True)
def clean(healthy: Lab) -> Iterator[None]:
    """Every test begins and ends with nodes that hold nothing of ours."""
    yield
    healthy.clear()


def _to_the_container(tool: Tool, profile: Path, *more: str) -> Outcome:
    """Deploy as far as the container stage, then Ctrl-C: what is under way comes to its end."""
    running = tool.start("replay", str(profile), "--yes", "--json", "--no-check", *more)

    def through(event: Event) -> bool:
        return event["event"] == "StageEnded" and event["stage"] == "container" and event["ok"]

    running.until(through, LIMIT)
    running.interrupt()
    outcome = running.finish(LIMIT)
    assert outcome.exit_code == 130, outcome.said
    assert "Traceback" not in outcome.err
    return outcome


def _all(lab: Lab, node: str) -> list[str]:
    return lab.run(node, "docker ps -a --format '{{.Names}}'").stdout.split()


def _processes(lab: Lab, node: str, pattern: str) -> str:
    return lab.run(node, f"pgrep -af '{pattern}'; true").stdout


def test_a_pull_that_is_cut_and_goes_on(
    lab: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of a layer: the pull ends on the node, the next replay pulls it."""
    image_id = lab.run("node0", f"docker image inspect -f '{{{{.Id}}}}' {IMAGE}").stdout
    lab.run("node0", f"docker rmi {IMAGE}")
    lab.run("node1", f"docker tag {IMAGE} {registry.IMAGE}")
    mine = profile(f'container.image="{registry.IMAGE}"')
    try:
        with registry.serving(lab.layout, "node0", tmp_path) as source:
            running = tool.start("replay", str(mine), "--yes", "--json", "--no-check")
            source.wait_half()
            running.interrupt()
            cut = running.finish(LIMIT)
            assert cut.exit_code == 130, cut.said
            assert "Traceback" not in cut.err
            assert ("image", 0) in cut.steps("failed")
            half = [e["note"]["id"] for e in cut.events
                    if e["event"] == "StepChanged" and e["status"] == "failed"]  # fmt: skip
            assert half == ["deploy.half.image"], "says what is half-done"
            assert _processes(lab, "node0", "[d]ocker pull") == ""
            assert lab.run("node0", f"ls {look.BASE}/lock", check=False).returncode != 0
            gone = lab.run("node0", f"docker image inspect {registry.IMAGE}", check=False)
            assert gone.returncode != 0, "nothing half-pulled passes for the image"

            source.go_on()
            again = _to_the_container(tool, mine)
        assert ("image", 0) in again.steps("applied") and ("image", 1) in again.steps("present")
        for node in NODES:
            assert (look.container(lab, node.name) or {})["Image"] == image_id.strip()
    finally:
        for node in NODES:
            lab.run(node.name, f"docker rm -f {CONTAINER}; docker rmi {registry.IMAGE}; true")
            lab.load_image(host(node.name))


def test_a_container_that_differs_is_replaced_on_consent_and_given_back(
    lab: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    for node in NODES:
        lab.run(node.name, f"{BY_HAND} && docker exec {CONTAINER} touch /by-hand")
    lab.run("node1", f"docker stop -t 0 {CONTAINER}")
    before = {n.name: (look.container(lab, n.name) or {})["Id"] for n in NODES}

    nobody = tool.run("replay", str(profile()), "--json", "--no-check")
    assert nobody.exit_code == 5, nobody.said
    assert "--yes" in nobody.out + nobody.err
    assert "davinci7" in nobody.out + nobody.err, "says how it differs"
    for node in NODES:
        assert (look.container(lab, node.name) or {})["Id"] == before[node.name]

    _to_the_container(tool, profile())
    for node in NODES:
        found = look.container(lab, node.name)
        assert found is not None and found["State"]["Running"]
        assert found["Id"] != before[node.name]
        devices = {d["PathOnHost"] for d in found["HostConfig"]["Devices"]}
        assert {f"/dev/davinci{n}" for n in range(8)} <= devices
        aside = [n for n in _all(lab, node.name) if n.startswith(f"{CONTAINER}-before-")]
        assert len(aside) == 1, "the old one is kept"
        kept = json.loads(lab.run(node.name, f"docker container inspect {aside[0]}").stdout)[0]
        assert kept["Id"] == before[node.name] and not kept["State"]["Running"]

    twice = _to_the_container(tool, profile())
    assert {("container", 0), ("container", 1)} <= set(twice.steps("present")), twice.said

    undone = tool.run("rollback", str(profile()), "--json")
    assert undone.exit_code == 0, undone.said
    for node in NODES:
        assert _all(lab, node.name) == [CONTAINER]
        found = look.container(lab, node.name)
        assert found is not None and found["Id"] == before[node.name]
        assert found["State"]["Running"] == (node.name == "node0"), "runs if it ran"
    look.inside(lab, "node0", "test -e /by-hand")


def test_the_guides_own_docker_run_that_wants_a_terminal(
    lab: Lab, tool: Tool, profile: ProfileMaker
) -> None:
    """`detached` off: the container runs on when the step has let go of its terminal."""
    mine = profile("improvements.detached=false")
    outcome = _to_the_container(tool, mine)
    assert {("container", 0), ("container", 1)} <= set(outcome.steps("applied")), outcome.said
    for node in NODES:
        script = lab.run(node.name, f"cat {look.BASE}/scripts/docker_run.sh").stdout
        assert "-it $IMAGE bash" in script and "-itd" not in script
        found = look.container(lab, node.name)
        assert found is not None and found["State"]["Running"]
        assert found["Config"]["Tty"] and found["Config"]["OpenStdin"]
        look.inside(lab, node.name, "true")
        holds = _processes(lab, node.name, "[d]ocker run|[d]ocker_run.sh")
        assert holds == "", "nothing holds its terminal"
    again = _to_the_container(tool, mine)
    assert {("container", 0), ("container", 1)} <= set(again.steps("present")), again.said
    undone = tool.run("rollback", str(mine), "--json")
    assert undone.exit_code == 0, undone.said
    for node in NODES:
        assert _all(lab, node.name) == []
