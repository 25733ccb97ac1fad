"""Readings of a running monitor, and requests beside it."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from typing import Any

from tests.lab.kit.tool import Running

Reading = dict[str, Any]
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
"""Python for a node: ask until the time is over, then print the status of /health.

Arguments: port, model, seconds.
"""


def until(running: Running, wanted: Callable[[Reading], bool], limit: float) -> Reading:
    """The first reading that is wanted; AssertionError after ``limit`` seconds."""
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
    """Rank -> its health."""
    return {rank["rank"]: rank["health"] for rank in reading["engine"]["ranks"]}


def settled(reading: Reading) -> bool:
    """Both ranks are well and both nodes seen."""
    return (
        health(reading) in ({"0": a, "1": b} for a in ("idle", "busy") for b in ("idle", "busy"))
        and all(node["processes"] and not node["stale"] for node in reading["nodes"])
    )  # fmt: skip
