"""The monitor beside a real vLLM on two hosts: the tests of this file are one story in order."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glm47_tui.monitor import Player
from tests.lab.conftest import ProfileMaker
from tests.lab.kit import node as look
from tests.lab.kit.lab import Lab
from tests.lab.kit.tool import Running, Tool

Reading = dict[str, Any]
NAMED_S = 30.0
"""By then a dead or hung rank must have been named."""
ASK = """
import json, sys, time, urllib.request as u
api = "http://127.0.0.1:%d" % int(sys.argv[1])
body = {"model": sys.argv[2], "prompt": "1 2 3", "max_tokens": 200, "ignore_eos": True}
end = time.time() + float(sys.argv[3])
while time.time() < end:
    head = {"Content-Type": "application/json"}
    request = u.Request(api + "/v1/completions", json.dumps(body).encode(), head)
    u.urlopen(request, timeout=60).read()
print(u.urlopen(api + "/health", timeout=20).status)
"""
done: set[str] = set()


@pytest.fixture(scope="module", autouse=True)
def cleared(lab: Lab) -> Iterator[None]:
    """Nothing of ours is left for the files that come after."""
    yield
    lab.clear()


@pytest.fixture
def served(lab: Lab) -> Lab:
    """Chapters after the first need its end."""
    if "served" not in done:
        pytest.fail("nothing was deployed")
    return lab


def until(running: Running, wanted: Callable[[Reading], bool], limit: float) -> Reading:
    """The first reading that is wanted."""
    end = time.monotonic() + limit
    last: Reading = {}
    while time.monotonic() < end:
        try:
            line = running.fresh.get(timeout=max(0.01, end - time.monotonic()))
        except queue.Empty:
            break
        assert line is not None, "the monitor ended"
        last = json.loads(line)
        if wanted(last):
            return last
    raise AssertionError(f"not seen within {limit:.0f} s; last: {json.dumps(last)[-3000:]}")


def health(reading: Reading) -> dict[str, str]:
    return {rank["rank"]: rank["health"] for rank in reading["engine"]["ranks"]}


def settled(reading: Reading) -> bool:
    return (
        health(reading) in ({"0": a, "1": b} for a in ("idle", "busy") for b in ("idle", "busy"))
        and all(node["processes"] and not node["stale"] for node in reading["nodes"])
    )  # fmt: skip


@pytest.fixture
def watching(served: Lab, tool: Tool, profile: ProfileMaker) -> Iterator[Running]:
    """A monitor that has seen both nodes and both ranks well."""
    running = tool.start("monitor", str(profile()), "--json")
    until(running, settled, 60)
    yield running
    running.interrupt()
    assert running.finish(30).exit_code == 0


def test_1_one_reading_of_a_running_model(lab: Lab, tool: Tool, profile: ProfileMaker) -> None:
    outcome = tool.replay(profile('verify.level="protocol"'), limit=400)
    assert outcome.exit_code == 0, outcome.said
    done.add("served")
    once = tool.run("monitor", str(profile()), "--once", "--json")
    assert once.exit_code == 0, once.said
    reading = json.loads(once.out)
    assert [len(node["npus"]) for node in reading["nodes"]] == [8, 8]
    assert not any(node["stale"] for node in reading["nodes"])
    assert [(rank["rank"], rank["node"]) for rank in reading["engine"]["ranks"]] == [
        ("0", 0),
        ("1", 1),
    ]
    assert reading["engine"]["healthy"] is True
    assert all(node["log_lines"] > 0 for node in reading["nodes"])


def test_2_the_log_goes_on_across_a_cut(
    served: Lab, tool: Tool, profile: ProfileMaker, tmp_path: Path
) -> None:
    log = f"{look.BASE}/logs/glm_47_infer_node1_log.txt"
    night = tmp_path / "night.gz"
    running = tool.start("monitor", str(profile()), "--json", "--record", str(night))
    until(running, settled, 60)
    served.run("node1", f"for i in $(seq 100); do echo marker $i; done >>{log}")
    served.run("node1", "pkill -KILL -f '^sshd: root'")
    served.run("node1", f"for i in $(seq 101 200); do echo marker $i; done >>{log}")
    until(running, lambda r: "link_back" in [e["kind"] for e in r["events"] if e["node"] == 1], 60)
    served.run("node1", f"echo marker 201 >>{log}")
    last = until(running, lambda r: not r["nodes"][1]["stale"], 20)["nodes"][1]["log_lines"]
    until(running, lambda r: r["nodes"][1]["log_lines"] >= last, 20)
    time.sleep(1.5)  # the last line is read four times a second
    running.interrupt()
    running.finish(30)
    player = Player(night)
    player.run_to_end()
    seen = [line for line in player.board.logs.raw(1, 20_000) if line.startswith("marker ")]
    assert seen == [f"marker {i}" for i in range(1, 202)]


def test_3_a_busy_rank_is_not_called_dead(served: Lab, watching: Running) -> None:
    asking = f"/usr/bin/python3 -c '{ASK}' 8080 glm47 15"
    served.run("node0", f"{asking} >/tmp/asked 2>&1 &", check=False)
    seen = set()
    end = time.monotonic() + 16
    while time.monotonic() < end:
        seen |= set(health(until(watching, lambda r: True, 10)).values())
    assert seen <= {"idle", "busy"}


def test_4_a_stopped_engine_is_named_while_health_says_well(served: Lab, watching: Running) -> None:
    engine = look.engine_core(served, "node1")
    served.run("node1", f"kill -STOP {engine}")
    try:
        reading = until(watching, lambda r: health(r)["1"] == "hung", NAMED_S)
        assert reading["engine"]["healthy"] is True
        assert served.run("node0", f"/usr/bin/python3 -c '{ASK}' 8080 glm47 0").stdout == "200\n"
        assert [e["node"] for e in reading["events"] if e["kind"] == "rank_hung"] == [1]
    finally:
        served.run("node1", f"kill -CONT {engine}")
    until(watching, lambda r: health(r)["1"] in ("idle", "busy"), NAMED_S)


def test_5_a_killed_engine_is_named(served: Lab, watching: Running) -> None:
    served.run("node1", f"kill -KILL {look.engine_core(served, 'node1')}")
    reading = until(watching, lambda r: health(r)["1"] == "dead", NAMED_S)
    assert health(reading)["0"] != "dead"
    assert [e["node"] for e in reading["events"] if e["kind"] == "rank_dead"] == [1]
