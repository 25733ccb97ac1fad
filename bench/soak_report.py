"""What the soak heard, and whether it holds."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

GROWTH_KIB = 3 * 1024
"""Memory may differ by so much between the first and the last fifth."""
LONGEST_PAUSE_S = 36.0
"""30 s and a fifth, see monitor.py."""


class Report:
    """Hears writers and the watch; waits for states on behalf of the troubles. Thread-safe."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("w")
        self._changed = threading.Condition()
        self.heard: list[dict[str, Any]] = []
        self.links: dict[int, str] = {}
        self.problems: list[str] = []
        self.written: dict[int, int] = {}
        self.back_s: list[tuple[str, float]] = []

    def hear(self, name: str, data: dict[str, Any]) -> None:
        """Take an object of a child."""
        if name.startswith("writer"):
            node = int(name.removeprefix("writer"))
            data = {"what": data["did"], "at": time.time(), "node": node, "number": data["number"]}
            self.written[node] = data["number"]
        with self._changed:
            self.heard.append(data)
            if data["what"] == "link":
                self.links[data["node"]] = data["state"]
            self._log.write(json.dumps(data) + "\n")
            self._log.flush()
            self._changed.notify_all()

    def trouble(self, kind: str, node: int, at: float) -> None:
        """Note what is about to happen."""
        self.hear("soak", {"what": "trouble", "kind": kind, "node": node, "at": at})

    def _wait(self, ready: Any, limit: float) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(ready, limit))

    def wait_up(self, nodes: int, limit: float) -> None:
        """Wait until all nodes are connected."""
        if not self._wait(lambda: list(self.links.values()).count("up") == nodes, limit):
            self.problems.append(f"not all nodes are connected after {limit:.0f} s: {self.links}")

    def wait_back(self, kind: str, nodes: Iterable[int], since: float, limit: float) -> None:
        """Wait until each node was retried, and is up again."""
        began = time.time()
        for node in nodes:

            def states(node: int = node) -> list[str]:
                mine = [h for h in self.heard if h["what"] == "link" and h["node"] == node]
                return [h["state"] for h in mine if h["at"] > since]

            def back(node: int = node, states: Any = states) -> bool:
                return "retrying" in states() and self.links.get(node) == "up"

            if not self._wait(back, limit):
                self.problems.append(f"{kind}: node{node} not seen RETRYING, then UP: {states()}")
        self.back_s.append((kind, time.time() - began))

    def wait_event(self, kind: str, node: int, limit: float) -> None:
        """Wait for an event of the monitor."""
        since = time.time() - 30

        def there() -> bool:
            return any(
                h["what"] == "event" and h["kind"] == kind and h["node"] == node and h["at"] > since
                for h in self.heard
            )

        if not self._wait(there, limit):
            self.problems.append(f"no event {kind} on node{node} within {limit:.0f} s")

    def result(self, minutes: float, rate: float) -> tuple[dict[str, Any], str]:
        """The figures and their words."""
        with self._changed:
            self._log.close()
            return self._result(minutes, rate)

    def _of(self, what: str) -> list[dict[str, Any]]:
        return [h for h in self.heard if h["what"] == what]

    def _result(self, minutes: float, rate: float) -> tuple[dict[str, Any], str]:
        problems = list(self.problems)
        if not self._of("end"):
            problems.append("the watch did not end by itself")
        samples = self._of("sample")
        lost, unsaid = self._gaps()
        problems += unsaid
        problems += [f"node{r['node']}: line {r['came']} came after {r['after']}"
                     for r in self._of("repeat")]  # fmt: skip
        problems += [f"an odd line on node{o['node']}: {o['line']}" for o in self._of("odd")]
        problems += [f"shown as fresh: node{f['node']}, {f['age']} s old"
                     for f in self._of("false_fresh")]  # fmt: skip
        problems += self._screen()
        longest = max((h["pause"] or 0 for h in self._of("link")), default=0.0)
        if longest > LONGEST_PAUSE_S:
            problems.append(f"a pause of {longest} s between two tries")
        for node, number in self.written.items():
            if samples and samples[-1]["last"][node] != number:
                problems.append(f"node{node}: {number} lines written, the last one seen is "
                                f"{samples[-1]['last'][node]}")  # fmt: skip
        growth = self._growth(samples, problems)
        last = samples[-1] if samples else {}
        span = samples[-1]["at"] - samples[0]["at"] if len(samples) > 1 else 0
        data = {
            "minutes": minutes, "rate": rate, "held": not problems, "problems": problems,
            "troubles": dict(Counter(t["kind"] for t in self._of("trouble"))),
            "lines_written": self.written, "lines_seen": last.get("lines"),
            "lines_lost_by_truncation_and_said": lost,
            "repeats": len(self._of("repeat")), "false_fresh": len(self._of("false_fresh")),
            "looks_fresh": last.get("fresh"), "looks_stale": last.get("stale"),
            **self._screen_figures(samples),
            "retries": len([h for h in self._of("link") if h["pause"]]),
            "longest_pause_s": longest,
            "longest_until_up_s": round(max((s for _, s in self.back_s), default=0.0), 1),
            "cpu_share": round(last["cpu_s"] / span, 4) if span else None, **growth,
        }  # fmt: skip
        return data, _words(data)

    def _screen(self) -> list[str]:
        """What was wrong on the screen."""
        out = [f"on the screen as fresh: node{f['node']}, {f['age']} s old: {f['row']}"
               for f in self._of("screen_false_fresh")]  # fmt: skip
        out += [f"on the screen, node{g['node']}: line {g['came']} stands after {g['after']}"
                for g in self._of("screen_gap")]  # fmt: skip
        out += [
            f"on the screen, node{b['node']}: line {b['shown']} is the last one though "
            f"{b['arrived']} arrived seconds ago"
            for b in self._of("screen_behind")
        ]
        return out + [f["error"] for f in self._of("fault")]

    def _screen_figures(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        late = sorted(s["loop_late_s"] for s in samples if "loop_late_s" in s)
        last = samples[-1] if samples else {}
        return {
            "screen": {k: v for k, v in last.items() if k.startswith("screen_")},
            "keys": dict(Counter(k["way"] for k in self._of("keys"))),
            "loop_late_s": {"median_of_worst": late[len(late) // 2], "worst": late[-1]}
            if late else None,
        }  # fmt: skip

    def _gaps(self) -> tuple[int, list[str]]:
        """Lines lost to truncations that were said; gaps that nothing explains."""
        lost, unsaid = 0, []
        cuts = [h for h in self.heard if h["what"] == "truncate"]
        said = [h for h in self._of("event") if h["kind"] in ("log_truncated", "log_lost")]
        for gap in self._of("gap"):
            node, first, last = gap["node"], gap["after"] + 1, gap["came"] - 1
            allowed = any(c["node"] == node and last <= c["number"] for c in cuts)
            heard = any(e["node"] == node and abs(e["at"] - gap["at"]) < 5 for e in said)
            if allowed and heard:
                lost += last - first + 1
            else:
                why = "was not said" if allowed else "is not explained"
                unsaid.append(f"node{node}: lines {first} to {last} are missing, which {why}")
        return lost, unsaid

    def _growth(self, samples: list[dict[str, Any]], problems: list[str]) -> dict[str, Any]:
        if len(samples) < 20:
            return {}
        fifth = len(samples) // 5
        # The stores of lines fill up at first: compare the second fifth with the last one.
        early, late = samples[fifth : 2 * fifth], samples[-fifth:]
        out: dict[str, Any] = {}
        for key, most in (("rss_kib", GROWTH_KIB), ("threads", 2), ("files", 2)):
            a, b = (statistics.median(s[key] for s in part) for part in (early, late))
            out[key] = {"second_fifth": a, "last_fifth": b, "most": max(s[key] for s in samples)}
            if b - a > most:
                problems.append(f"{key} grew from {a} to {b}")
        return out


def _words(data: dict[str, Any]) -> str:
    lines = [f"# Soak, {data['minutes']:g} minutes: {'held' if data['held'] else 'NOT held'}", ""]
    lines += [f"- {key}: {value}" for key, value in data.items() if key not in ("held", "problems")]
    lines += ["", "Problems:" if data["problems"] else "No problems."]
    lines += [f"- {problem}" for problem in data["problems"][:40]]
    return "\n".join(lines) + "\n"
