"""An hour of the monitor against the lab, while things break. ``python -m bench.soak --minutes 60``

Needs a lab that is up (``python -m tests.lab --name soak up``, see docs/lab.md) and root. On each
node a writer appends numbered lines to the job's log (bench/soak_node.py); the real Monitor watches
from the desk with a witness beside it (bench/soak_watch.py). About once a minute something breaks:
sessions killed, sshd restarted, the jump host's too, cable pulled for 40 s, the watch script or its
sshd frozen, the log rotated as detach.sh does it or truncated in place, npu-smi slow, gone or
alarming. The report says what was held; exit 1 when something was not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench.soak_report import Report
from glm47_tui.profile import load
from glm47_tui.render import job_name
from tests.lab.kit import faults, host, net
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import NODES, Layout
from tests.lab.kit.layout import host as host_named

HERE = Path(__file__).resolve().parent
BACK_S = 100.0
"""By then a connection must be up again: the longest pause, and a login on a busy machine."""


class Child:
    """A process that prints JSON lines; each goes to ``hear``."""

    def __init__(self, words: list[str], name: str, hear: Any, env: dict[str, str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        self._hear = hear
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._hear(self.name, json.loads(line))

    def send(self, word: str) -> None:
        """Give an order."""
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self, limit: float = 20) -> None:
        """Close its input and wait; by force after ``limit``."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._thread.join(5)


class Trouble:
    """What can happen to the lab. Each returns when it is over; names are those in the report."""

    def __init__(self, lab: Lab, writers: dict[int, Child], report: Report, fast: bool) -> None:
        self.lab, self.writers, self.report = lab, writers, report
        self.dice = random.Random()  # noqa: S311
        self.long = 25.0 if fast else 40.0

    def kinds(self) -> list[str]:
        """Names of all troubles."""
        return [n.removeprefix("do_") for n in dir(self) if n.startswith("do_")]

    def cause(self, kind: str) -> None:
        """Let one happen to a node, and wait until the monitor is well again."""
        node = self.dice.randrange(len(NODES))
        began = time.time()
        self.report.trouble(kind, node, began)
        cut = getattr(self, f"do_{kind}")(node)
        if cut:
            self.report.wait_back(kind, range(len(NODES)) if kind == "jump" else [node], began,
                                  BACK_S)  # fmt: skip

    def _run(self, name: str, command: str) -> None:
        self.lab.run(name, command, check=False, timeout=30)

    def do_sessions_killed(self, node: int) -> bool:
        """The sshd processes that serve connections die."""
        self._run(NODES[node].name, "pkill -KILL -f '^sshd: root'")
        return True

    def do_sshd_restarted(self, node: int) -> bool:
        """No sshd at all for five seconds."""
        name = NODES[node].name
        self._run(name, "pkill -KILL sshd")
        time.sleep(5)
        start = "/usr/sbin/sshd -E /var/log/sshd.log -f /etc/ssh/lab_sshd_config"
        self._run(name, f"setsid {start} </dev/null >/dev/null 2>&1")
        return True

    def do_jump(self, node: int) -> bool:
        """All connections through the jump host die."""
        del node
        self._run("jump", "pkill -KILL -f '^sshd: root'")
        return True

    def do_cable(self, node: int) -> bool:
        """Forty seconds without network, while the log goes on."""
        net.plug(self.lab.layout, NODES[node].name, 0, up=False)
        time.sleep(self.long)
        net.plug(self.lab.layout, NODES[node].name, 0, up=True)
        return True

    def do_cable_short(self, node: int) -> bool:
        """Eight seconds: TCP holds it, what was read meanwhile arrives late."""
        net.plug(self.lab.layout, NODES[node].name, 0, up=False)
        time.sleep(8)
        net.plug(self.lab.layout, NODES[node].name, 0, up=True)
        return False

    def do_cable_rotate(self, node: int) -> bool:
        """The log is rotated while nobody watches."""
        net.plug(self.lab.layout, NODES[node].name, 0, up=False)
        time.sleep(self.long / 2)
        self.writers[node].send("rotate")
        time.sleep(self.long / 2)
        net.plug(self.lab.layout, NODES[node].name, 0, up=True)
        return True

    def do_cable_truncate(self, node: int) -> bool:
        """The log is truncated while nobody watches, and grows again."""
        net.plug(self.lab.layout, NODES[node].name, 0, up=False)
        time.sleep(5)
        self.writers[node].send("truncate")
        time.sleep(self.long - 5)
        net.plug(self.lab.layout, NODES[node].name, 0, up=True)
        return True

    def do_script_frozen(self, node: int) -> bool:
        """The watch script stands still for ten seconds."""
        name = NODES[node].name
        self._run(name, "pkill -STOP -f '^bash -s -- interval='")
        time.sleep(10)
        self._run(name, "pkill -CONT -f '^bash -s -- interval='")
        return False

    def do_sshd_frozen(self, node: int) -> bool:
        """The sshd of the session stands still: what the script printed waits in a pipe."""
        name = NODES[node].name
        self._run(name, "pkill -STOP -f '^sshd: root'")
        time.sleep(8)
        self._run(name, "pkill -CONT -f '^sshd: root'")
        return False

    def do_rotate(self, node: int) -> bool:
        """The log begins anew, as detach.sh does it."""
        self.writers[node].send("rotate")
        return False

    def do_truncate(self, node: int) -> bool:
        """copytruncate: what was not read is gone, and that must be said."""
        self.writers[node].send("truncate")
        return False

    def do_npu_slow(self, node: int) -> bool:
        """npu-smi takes five seconds."""
        self._fault(node, "slow=5", 25)
        return False

    def do_npu_gone(self, node: int) -> bool:
        """npu-smi has no driver."""
        self._fault(node, "driver=missing", 10)
        self.report.wait_event("npu_smi_back", node, 15)
        return False

    def do_npu_alarm(self, node: int) -> bool:
        """An NPU's health is Alarm."""
        self._fault(node, "alarm=3", 8)
        self.report.wait_event("health_back", node, 15)
        return False

    def _fault(self, node: int, word: str, seconds: float) -> None:
        faults.change(self.lab, NODES[node].name, [word])
        time.sleep(seconds)
        faults.change(self.lab, NODES[node].name, ["clear"])


def _writers(lab: Lab, rate: float, report: Report) -> dict[int, Child]:
    profile = load(lab.profile)
    text = (HERE / "soak_node.py").read_text()
    out = {}
    for i, node in enumerate(NODES):
        log = f"{profile.base_dir}/logs/{job_name(i)}_log.txt"
        words = [*host.inside(lab.layout, host_named(node.name)), "/usr/bin/python3", "-c", text,
                 log, str(rate)]  # fmt: skip
        if i == 0:
            words.append(str(profile.launch.port))
        out[i] = Child(words, f"writer{i}", report.hear, {"PATH": os.environ["PATH"]})
    return out


def _run(lab: Lab, args: argparse.Namespace, report: Report) -> None:
    writers = _writers(lab, args.rate, report)
    time.sleep(1.0)
    watch = Child(
        [*lab.desk(), "nice", sys.executable, "-m", "bench.soak_watch", str(lab.profile)],
        "watch", report.hear, dict(os.environ),
    )  # fmt: skip
    end = time.monotonic() + args.minutes * 60
    trouble = Trouble(lab, writers, report, args.fast)
    try:
        report.wait_up(len(NODES), BACK_S)
        time.sleep(5.0)  # how long a reading travels is known from the first ones on
        # Every kind comes once before any comes again.
        waiting: list[str] = []
        while time.monotonic() < end - 60 or (args.fast and time.monotonic() < end):
            if not waiting:
                waiting = trouble.kinds()
                trouble.dice.shuffle(waiting)
            trouble.cause(waiting.pop())
            left = end - time.monotonic()
            pause = trouble.dice.uniform(2, 6) if args.fast else trouble.dice.uniform(15, 45)
            time.sleep(max(0.0, min(pause, left)))
        time.sleep(max(0.0, end - time.monotonic()))
    finally:
        for writer in writers.values():
            writer.end()
        time.sleep(5 if watch.process.poll() is None else 0)  # the last lines arrive
        watch.end()


def main() -> int:
    """Run, print the report, write it as JSON; 1 when something was not held."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=100.0, help="log lines a second and node")
    parser.add_argument("--lab", default="soak", help="name of a lab that is up")
    parser.add_argument("--fast", action="store_true", help="short pauses and cuts: for a trial")
    parser.add_argument("--out", type=Path, default=Path("soak"), help="folder for report and log")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    report = Report(args.out / "log.jsonl")
    _run(Lab(Layout(args.lab)), args, report)
    data, text = report.result(args.minutes, args.rate)
    (args.out / "report.json").write_text(json.dumps(data, indent=2) + "\n")
    (args.out / "report.md").write_text(text)
    print(text)
    return 0 if data["held"] else 1


if __name__ == "__main__":
    sys.exit(main())
