"""What Docker says, and what must never be kept of it."""

from __future__ import annotations

import json

import pytest

from glm47_tui.node.docker import (
    parse_containers,
    parse_docker,
    parse_images,
    parse_pairs,
    redacted,
)
from glm47_tui.node.sections import Section


def info(out: object, err: str = "", status: int | None = 0) -> Section:
    return Section("dockerinfo", status, 10, out if isinstance(out, str) else json.dumps(out), err)


def test_a_running_engine() -> None:
    docker = parse_docker(
        info({"ServerVersion": "26.1.3", "DockerRootDir": "/data/docker", "Driver": "overlay2",
              "ClientInfo": {"Version": "26.1.3"}, "Runtimes": {"runc": {}, "ascend": {}},
              "DefaultRuntime": "ascend", "HttpProxy": "http://me:geheim@proxy:3128",
              "SecurityOptions": ["name=seccomp,profile=default", "name=selinux"],
              "RegistryConfig": {"Mirrors": ["https://mirror.example/"]}})
    )  # fmt: skip
    assert (docker.installed, docker.running, docker.server, docker.root) == (
        True, True, "26.1.3", "/data/docker",
    )  # fmt: skip
    assert (docker.runtimes, docker.default_runtime, docker.selinux) == (
        ("ascend", "runc"), "ascend", True,
    )  # fmt: skip
    assert docker.mirrors == ("https://mirror.example/",)
    assert docker.http_proxy == "http://***@proxy:3128"
    assert docker.error is None


@pytest.mark.parametrize(
    ("section", "denied", "error"),
    [
        (info({"ServerVersion": ""}, "Cannot connect to the Docker daemon", 1), False,
         "Cannot connect to the Docker daemon"),
        (info({"ServerErrors": ["permission denied while trying to connect"]}, "", 1), True,
         "permission denied while trying to connect"),
        (info("Got permission denied", "Got permission denied", 1), True, "Got permission denied"),
        (info("", "", None), False, ""),
    ],
)  # fmt: skip
def test_an_engine_that_does_not_answer(section: Section, denied: bool, error: str) -> None:
    docker = parse_docker(section)
    assert (docker.installed, docker.running, docker.denied, docker.error) == (
        True, False, denied, error,
    )  # fmt: skip
    assert docker.timed_out is section.timed_out


def test_no_docker_at_all() -> None:
    assert not parse_docker(Section("dockerinfo", 127, 1)).installed


def test_secrets_of_containers_are_never_kept() -> None:
    (found,) = parse_containers(
        json.dumps([{"Id": "a", "Config": {"Env": [
            "MODELSCOPE_API_TOKEN=ms-123", "DB_PASSWORD=x", "AWS_SECRET_ACCESS_KEY=y",
            "HTTPS_PROXY=http://u:p@proxy:1", "PATH=/bin", "EMPTY_TOKEN="]}}])
    )  # fmt: skip
    assert found.env == {
        "MODELSCOPE_API_TOKEN": "***", "DB_PASSWORD": "***", "AWS_SECRET_ACCESS_KEY": "***",
        "HTTPS_PROXY": "http://***@proxy:1", "PATH": "/bin", "EMPTY_TOKEN": "",
    }  # fmt: skip
    assert "ms-123" not in repr(found)
    assert (
        redacted("see https://a:b@c/d and http://plain/") == "see https://***@c/d and http://plain/"
    )


def test_a_container_in_full() -> None:
    (found,) = parse_containers(
        json.dumps([{
            "Id": "abc", "Name": "/x", "Image": "sha256:1", "RestartCount": 0,
            "State": {"Status": "exited", "ExitCode": 137, "Error": "oom", "Pid": 0},
            "Config": {"Image": "img:tag", "Cmd": ["bash"], "Entrypoint": None, "Tty": True},
            "HostConfig": {"ShmSize": 67108864, "NetworkMode": "host", "Privileged": False,
                           "Binds": ["/opt/data:/root/.cache", "/usr/x:/usr/x:ro", "odd"],
                           "Devices": [{"PathOnHost": "/dev/davinci10"},
                                       {"PathOnHost": "/dev/davinci2"},
                                       {"PathOnHost": "/dev/davinci_manager"}, {}],
                           "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 4096}]},
        }])
    )  # fmt: skip
    assert (found.name, found.running, found.exit_code, found.error) == ("x", False, 137, "oom")
    assert (found.npus, found.shm_bytes, found.ulimits) == ((2, 10), 67108864, {"nofile": 1024})
    assert [(m.source, m.target, m.writable) for m in found.mounts] == [
        ("/opt/data", "/root/.cache", True), ("/usr/x", "/usr/x", False),
    ]  # fmt: skip
    assert found.host_path("/root/.cache/models/m") == "/opt/data/models/m"
    assert found.host_path("/root/.cacheX") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", "[1, 2]", '[{"Id": 5}]', "{{", "[" * 9999]
)
def test_what_is_no_answer_gives_nothing(text: str) -> None:
    assert parse_containers(text) == ()
    assert all(image.id == "" for image in parse_images(text))


def test_images_here_are_listed_without_nameless_ones() -> None:
    assert parse_pairs("a1 quay.io/x:1\nb2 <none>:<none>\nc3 quay.io/x:1\nodd") == {
        "quay.io/x:1": "a1"
    }
