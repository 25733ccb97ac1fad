"""What the tests look at on a node, past the product."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import CONTAINER, IMAGE

VLLM = "/vllm-workspace/vllm"
BASE = "/opt/data/glm47-tui/lab-pair"
BY_HAND = "/opt/data/by-hand"


def inside(lab: Lab, node: str, command: str, *, check: bool = True) -> str:
    """Run a shell command in the node's container; returns what it printed."""
    quoted = command.replace("'", "'\\''")
    return lab.run(node, f"docker exec {CONTAINER} bash -c '{quoted}'", check=check).stdout


def container(lab: Lab, node: str) -> dict[str, Any] | None:
    """`docker inspect` of the container; None when there is none."""
    done = lab.run(node, f"docker container inspect {CONTAINER}", check=False)
    return json.loads(done.stdout)[0] if done.returncode == 0 else None


def sources(lab: Lab, node: str) -> dict[str, str]:
    """Every file of vLLM in the container but compiled ones, with its sha256."""
    find = f"cd {VLLM} && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum"
    lines = inside(lab, node, find).splitlines()
    return {path: digest for digest, path in (line.split(None, 1) for line in lines)}


def image_sources(lab: Lab, node: str) -> dict[str, str]:
    """The same of the image itself: what pristine means."""
    find = f"cd {VLLM} && find . -type f ! -name *.pyc -print0 | sort -z | xargs -0 sha256sum"
    done = lab.run(node, f'docker run --rm --net=host {IMAGE} bash -c "{find}"')
    return {path: digest for digest, path in (x.split(None, 1) for x in done.stdout.splitlines())}


def engines(lab: Lab, node: str) -> list[int]:
    """Processes of vLLM on the node, by their numbers there."""
    find = (
        "for d in /proc/[0-9]*; do [ $d != /proc/$$ ] || continue; "
        "read -r c 2>/dev/null <$d/comm || continue; "
        "a=$(tr '\\0' ' ' 2>/dev/null <$d/cmdline); "
        'case "$c $a" in VLLM*|*"/vllm serve"*) echo ${d#/proc/};; esac; done'
    )
    return [int(p) for p in lab.run(node, find).stdout.split()]


def engine_core(lab: Lab, node: str, limit: float = 60) -> int:
    """The engine's own process; waits until it is there."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        find = "grep -lx 'VLLM::EngineCor' /proc/[0-9]*/comm; true"
        found = lab.run(node, find).stdout.split()
        if found:
            return int(found[0].split("/")[2])
        time.sleep(0.2)
    raise AssertionError(f"{node}: no engine after {limit:.0f} s")


def mentions(lab: Lab, node: str, secret: str) -> list[str]:
    """Files and running command lines of the node that hold the text."""
    # The text itself must not stand in the command that looks for it.
    needle = lab.layout.host_dir(node) / "opt/needle"
    needle.write_text(f"{secret}\n")
    places = "/opt/data /home /tmp /root /var/log /proc/[0-9]*/cmdline /proc/[0-9]*/environ"
    found = lab.run(node, f"grep -rlsaF -f /opt/needle {places}; rm /opt/needle; true").stdout
    return found.split()


def left_behind(lab: Lab, node: str) -> list[str]:
    """Files of the product on the node, logs apart."""
    files = lab.run(node, f"find {BASE} -type f 2>/dev/null; true").stdout.split()
    return [f for f in files if "/logs/" not in f]
