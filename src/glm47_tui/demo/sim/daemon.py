"""The process that a cluster is: builds the nodes, serves SSH for them, ends what it started.

    python -m glm47_tui.demo.sim.daemon HOME

Its orders are one line of JSON on standard input; it prints one when the nodes can be reached, and
ends when its standard input does (with the process that started it), or on SIGTERM. It touches
nothing of HOME before it holds its lock. HOME/cluster.json keeps the addresses for next time.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from glm47_tui.demo import faults
from glm47_tui.demo.sim import build, kernel, reap
from glm47_tui.demo.sim.docker import rootfs
from glm47_tui.demo.sim.docker.store import Store
from glm47_tui.demo.sim.site import MARK, Node, Site, loopback, read_json, write

PREFIXES = range(77, 127)
SSH_PORTS = (2222, 12222, 22222, 32222)
API_PORTS = (8080, 18080, 28080)
RPC_OFFSET = 2


def _bind(address: str, port: int) -> socket.socket | None:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
        sock.listen(64)
    except OSError:
        sock.close()
        return None
    return sock


def _bind_all(prefix: int, count: int, port: int) -> list[socket.socket]:
    socks: list[socket.socket] = []
    for i in range(count):
        sock = _bind(loopback(prefix, i), port)
        if sock is None:
            for other in socks:
                other.close()
            return []
        socks.append(sock)
    return socks


def place(count: int, last: dict[str, Any]) -> tuple[dict[str, int], list[socket.socket]]:
    """Find addresses and ports nobody uses; those of last time are preferred.

    A service of this machine that listens on all addresses takes a port from the nodes, too.
    """
    first = [last["prefix"]] if "prefix" in last else []
    ports = [last["ssh_port"]] if "ssh_port" in last else []
    for port in [*ports, *SSH_PORTS]:
        for prefix in [*first, *PREFIXES]:
            socks = _bind_all(prefix, count, port)
            if socks:
                api = _api_port(prefix, count, last)
                return {"prefix": prefix, "ssh_port": port, "api_port": api}, socks
    raise OSError(f"no free loopback addresses for {count} nodes")


def _api_port(prefix: int, count: int, last: dict[str, Any]) -> int:
    known: list[int] = [last["api_port"]] if "api_port" in last else []
    for port in [*known, *API_PORTS]:
        for wanted in (port, port + RPC_OFFSET):
            socks = _bind_all(prefix, count, wanted)
            for sock in socks:
                sock.close()
            if not socks:
                break
        else:
            return port
    return API_PORTS[0]


def _sites(home: Path, orders: dict[str, Any], found: dict[str, int]) -> list[Site]:
    sites = []
    for i in range(orders["nodes"]):
        node = Node(
            number=i, nodes=orders["nodes"], home=str(home), prefix=found["prefix"],
            python=sys.executable, source=str(Path(__file__).resolve().parents[3]),
            pace=orders["pace"],
        )  # fmt: skip
        sites.append(Site.make(home / "nodes" / str(i), node))
    for site in sites:
        build.build(site)
        for container in Store(site).containers():
            rootfs.programs(site, container)
        faults.boot(site)
    return sites


def _prepare(home: Path, orders: dict[str, Any]) -> None:
    """Bring a home that nobody uses into the state the orders want: what is left of it, faults."""
    if orders["fresh"]:
        for name in ("nodes", "fabric"):
            shutil.rmtree(home / name, ignore_errors=True)
    folders = [home / "nodes" / str(i) for i in range(orders["nodes"])]
    for folder in folders:
        faults.forget(folder)
    for name, node, value in orders["faults"]:
        for folder in folders if node is None else folders[node : node + 1]:
            faults.mark(folder, name, value)


def _take(lock: IO[str], home: Path) -> bool:
    """Take a home, and end what a killed cluster has left there; False when it is in use.

    The lock says whether a cluster lives; what it runs waits for that lock, and may hold it for a
    moment when the cluster was killed.
    """
    for attempt in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05 * (attempt > 0))
            continue
        reap.end_all(str(home), spare=(os.getppid(),))
        return True
    return False


def _orders() -> dict[str, Any]:
    """Read the first line of standard input, and not a byte more."""
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 1)
        if not data:
            sys.exit(1)
        line += data
    orders: dict[str, Any] = json.loads(line)
    return orders


def _until_told(stopped: threading.Event) -> None:
    """Wait for the end of standard input: whoever started the cluster has ended."""
    while os.read(0, 1024):
        pass
    stopped.set()


def _watch(sites: list[Site], stopped: threading.Event) -> None:
    while not stopped.wait(0.5):
        reap.collect()
        for site in sites:
            kernel.refresh(site)


def main(home: Path) -> int:
    """Run the cluster of a home until it is to end."""
    os.environ[MARK] = str(home)
    orders = _orders()
    reap.adopt()
    lock = (home / "lock").open("w")
    if not _take(lock, home):
        print(json.dumps({"error": "running"}), flush=True)  # noqa: T201
        return 1
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 1 << 20)), hard))
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    _prepare(home, orders)
    found, socks = place(orders["nodes"], read_json(home / "cluster.json") or {})
    write(home / "cluster.json", json.dumps(found))
    sites = _sites(home, orders, found)

    from glm47_tui.demo.sim.sshd import Server

    server = Server(home / "keys", orders["password"])
    for site, sock in zip(sites, socks, strict=True):
        server.add(site, sock)
    for work in (lambda: _until_told(stopped), lambda: _watch(sites, stopped)):
        threading.Thread(target=work, daemon=True).start()
    print(json.dumps(found), flush=True)  # noqa: T201
    server.serve(stopped)
    reap.end_all(str(home))
    reap.collect(everything=True)
    return 0


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)  # paramiko's threads are not waited for
