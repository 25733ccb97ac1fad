"""Docker's stand-in: life of a container, its inside, its refusals."""

from __future__ import annotations

import json

import pytest

from glm47_tui.demo.sim.docker.store import REFERENCE
from glm47_tui.deploy.events import Status
from tests.demo.conftest import Lab
from tests.demo.jobs import Runner

NAME = "box"
RUN = f"docker run --name {NAME} --net=host --shm-size=1g --device /dev/davinci0 -e A=1 " \
    f"-v /opt/data:/root/.cache -itd {REFERENCE} bash"  # fmt: skip


@pytest.fixture
def box(lab: Lab) -> Lab:
    lab.cluster.fault("image-present", 0)
    lab.sh(RUN)
    return lab


def test_pull_shows_progress_and_is_done_once(lab: Lab) -> None:
    lines: list[str] = []
    result = lab.fleet.connections[0].run(
        f"docker pull {REFERENCE}", timeout=60, on_line=lambda _, line: lines.append(line)
    )
    assert result.ok
    assert lines[0] == "v0.13.0rc1: Pulling from ascend/vllm-ascend"
    assert sum(line.endswith(": Pull complete") for line in lines) == 14
    assert "Image is up to date" in lab.sh(f"docker pull {REFERENCE}")
    out = lab.sh(f"docker image inspect --format '{{{{.Architecture}}}}' {REFERENCE}")
    assert out == "arm64\n"
    assert lab.sh("docker images -q").strip() == "524b38df7811"


def test_an_image_nobody_has(lab: Lab) -> None:
    result = lab.fleet.connections[0].run("docker pull quay.io/ascend/other:v1", timeout=30)
    assert result.code == 1
    assert "manifest unknown" in result.err
    lab.cluster.fault("pull-fails")
    result = lab.fleet.connections[0].run(f"docker pull {REFERENCE}", timeout=30)
    assert "net/http" in result.err


def test_inspect_says_what_was_asked_for(box: Lab) -> None:
    about = json.loads(box.sh(f"docker container inspect {NAME}"))[0]
    assert about["State"]["Running"] is True
    assert about["HostConfig"]["Binds"] == ["/opt/data:/root/.cache"]
    assert about["HostConfig"]["ShmSize"] == 1 << 30
    assert about["HostConfig"]["Devices"][0]["PathOnHost"] == "/dev/davinci0"
    assert "A=1" in about["Config"]["Env"]
    assert box.sh("docker ps --format '{{.Names}} {{.Image}}'") == f"{NAME} {REFERENCE}\n"


def test_the_inside(box: Lab) -> None:
    box.sh("echo hello >/opt/data/seen")
    inside = (
        "cat /root/.cache/seen; ls /dev | grep davinci; df -Pk /dev/shm | tail -n 1; pwd; echo $A"
    )
    out = box.sh(f"docker exec {NAME} bash -c '{inside}'").splitlines()
    assert out[:2] == ["hello", "davinci0"]
    assert out[2].split()[1] == str(1 << 20)
    assert out[3:] == ["/workspace", "1"]
    assert box.sh(f"printf 'a b' | docker exec -i {NAME} cat") == "a b"
    result = box.fleet.connections[0].run(f"docker exec {NAME} bash -c 'exit 7'", timeout=30)
    assert result.code == 7
    assert "0.13.0" in box.sh(
        f"docker exec {NAME} python3 -c 'import vllm; print(vllm.__version__)'"
    )


def test_stop_ends_what_runs_inside_and_start_finds_the_files_again(box: Lab) -> None:
    job = "touch /root/mine; setsid --fork sleep 999 </dev/null >/dev/null 2>&1"
    box.sh(f"docker exec {NAME} bash -c '{job}'")
    box.sh(f"docker stop {NAME}")
    assert box.sh(f"docker inspect --format '{{{{.State.Status}}}}' {NAME}") == "exited\n"
    assert "sleep 999" not in box.sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' || :")
    result = box.fleet.connections[0].run(f"docker exec {NAME} true", timeout=30)
    assert "is not running" in result.err
    box.sh(f"docker start {NAME}; docker rename {NAME} other")
    assert "mine" in box.sh("docker exec other ls /root")
    result = box.fleet.connections[0].run("docker rm other", timeout=30)
    assert "stop the container" in result.err
    box.sh("docker rm -f other")
    assert box.sh("docker ps -aq") == ""
    assert box.sh("ls /opt/data") == "verification\n"


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (RUN, 125, "already in use"),
        ("docker run -itd --device /dev/davinci9 -e A=1 " + REFERENCE, 125, "gathering device"),
        ("docker run -it " + REFERENCE, 1, "not a TTY"),
        ("docker run --nonsense " + REFERENCE, 125, "unknown flag: --nonsense"),
        ("docker inspect nobody", 1, "No such object: nobody"),
        ("docker exec nobody true", 1, "No such container: nobody"),
        (f"docker exec {NAME} nothing-here", 127, "executable file not found"),
        ("docker swarm init", 1, "not simulated"),
        (f"docker inspect --format '{{{{.Nope}}}}' {NAME}", 1, 'no entry for key "Nope"'),
    ],
)
def test_refusals(box: Lab, command: str, code: int, words: str) -> None:
    result = box.fleet.connections[0].run(command, timeout=30)
    assert (result.code, words in result.err) == (code, True), (result.code, result.err)


def test_a_node_that_comes_back_has_its_containers_stopped(box: Lab) -> None:
    box.fleet.close()
    box.cluster.stop()
    box.cluster.start()
    again = Lab(box.cluster)
    assert again.sh("docker ps -q") == ""
    assert again.sh(f"docker start {NAME} && docker ps --format '{{{{.Names}}}}'").endswith(
        f"{NAME}\n"
    )
    again.fleet.close()


def test_a_deployment_is_brought_back_after_a_power_cycle(lab: Lab) -> None:
    first = Runner(lab.profile, lab.fleet)
    assert (first.run().exit_code, first.words()) == (0, "")
    lab.fleet.close()
    lab.cluster.stop()
    lab.cluster.start()
    again = Lab(lab.cluster)
    second = Runner(again.profile, again.fleet)
    assert (second.run().exit_code, second.words()) == (0, "")
    for stage in ("container", "launch"):
        assert second.last(stage) == [Status.APPLIED] * 2, stage
    for stage in ("image", "files", "model", "patches"):
        assert second.last(stage) == [Status.PRESENT] * 2, stage
    again.fleet.close()
