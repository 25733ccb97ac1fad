"""npu-smi of driver 25.2.1 on an Atlas 800T A2: layouts as captured in the field."""

from __future__ import annotations

import itertools
import random
import sys
import time
from typing import Any

from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.build import DRIVER, OTHER_DRIVER
from glm47_tui.demo.sim.site import Site

BUS = ("C1", "01", "C2", "02", "81", "41", "82", "42")
TOTAL_MB = 65536
IDLE_MB = 3400
RULE = "+" + "-" * 96 + "+"
THIN = "+" + "-" * 27 + "+" + "-" * 15 + "+" + "-" * 52 + "+"
THICK = THIN.replace("-", "=")


def chips(site: Site) -> list[dict[str, Any]]:
    """Return the state of the eight NPUs at this moment."""
    running = kernel.processes(site)
    work = (site.run / "load").exists()
    alarm = site.fault("npu-alarm")
    found = []
    for n in range(8):
        rows = [
            (p["pid"], p.get("name", "python"), int(p["npus"][str(n)]))
            for p in running
            if str(n) in p.get("npus", {})
        ]
        rng = random.Random(f"{site.node.number}.{n}.{int(time.time())}")  # noqa: S311
        used = IDLE_MB + (n * 37 + site.node.number * 11) % 90 + sum(mb for _, _, mb in rows)
        hot, warm = bool(rows) and work, bool(rows)
        extra = 110 + rng.random() * 60 if hot else 8 * warm
        found.append({
            "npu": n, "rows": rows, "hbm": min(used, TOTAL_MB),
            "health": "Alarm" if alarm is not None and str(n) in alarm.split() else "OK",
            "power": 91 + n % 4 + rng.random() * 3 + extra,
            "temp": 36 + n % 5 + (11 if hot else 2 * warm),
            "aicore": rng.randint(38, 74) if hot else 0,
        })  # fmt: skip
    return found


def version(site: Site) -> str:
    """Return the driver's version."""
    return DRIVER if site.fault("driver-differs") is None else OTHER_DRIVER


def table(site: Site) -> str:
    """Return what ``npu-smi info`` prints."""
    v = version(site)
    lines = [
        RULE,
        f"| npu-smi {v:<24} Version: {v:<53}|",
        THIN,
        "| NPU   Name                | Health        | Power(W)    Temp(C)           "
        "Hugepages-Usage(page)|",
        "| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  "
        "HBM-Usage(MB)        |",
        THICK,
    ]
    found = chips(site)
    for chip in found:
        n = chip["npu"]
        hbm = f"{chip['hbm']:<5}/ {TOTAL_MB}"
        lines += [
            f"| {n:<6}{'910B2':<20}| {chip['health']:<14}| {chip['power']:<12.1f}{chip['temp']:<18}"
            f"{'0    / 0':<21}|",
            f"| {0:<26}| 0000:{BUS[n]}:00.0  | {chip['aicore']:<12}{'0    / 0':<18}{hbm:<21}|",
            THICK,
        ]
    lines += [THIN, "| NPU     Chip              | Process id    | Process name             | "
              "Process memory(MB)      |", THICK]  # fmt: skip
    for chip in found:
        for pid, name, mb in chip["rows"]:
            lines.append(f"| {chip['npu']:<8}{0:<18}| {pid:<14}| {name[:15]:<25}| {mb:<24}|")
        if not chip["rows"]:
            lines.append(f"| No running processes found in NPU {chip['npu']:<61}|")
        lines.append(THICK)
    return "\n".join(lines) + "\n"


def pairs(rows: list[tuple[str, object]]) -> str:
    """Return ``key : value`` lines with the tool's indentation."""
    return "".join(f"        {key:<31}: {value}\n" for key, value in rows)


def details(site: Site, what: str, npu: int) -> str | None:
    """Return what ``npu-smi info -t WHAT -i NPU`` prints; None when it is not simulated."""
    chip = chips(site)[npu]
    fine = chip["health"] == "OK"
    share = chip["hbm"] * 100 // TOTAL_MB
    rows: dict[str, list[tuple[str, object]]] = {
        "health": [("Health", chip["health"]), ("Error Code", "NA" if fine else "80E18005"),
                   ("Error Information", "NA" if fine else "simulated alarm")],
        "usages": [("Chip Count", 1), ("HBM Capacity(MB)", TOTAL_MB),
                   ("HBM Usage Rate(%)", share), ("Aicore Usage Rate(%)", chip["aicore"]),
                   ("Chip ID", 0)],
        "common": [("Chip Count", 1), ("Chip ID", 0), ("Memory Usage Rate(%)", 0),
                   ("HBM Usage Rate(%)", share), ("Aicore Usage Rate(%)", chip["aicore"]),
                   ("Aicore Freq(MHZ)", 1800), ("Temperature(C)", chip["temp"]),
                   ("NPU Real-time Power(W)", f"{chip['power']:.1f}")],
        "board": [("Software Version", version(site)), ("Firmware Version", "7.7.0.6.236"),
                  ("Compatibility", "OK"), ("PCIe Bus Info", f"0000:{BUS[npu]}:00.0"),
                  ("Chip Count", 1)],
    }  # fmt: skip
    if what == "proc-mem":
        lines = [
            f"        Process id:{pid} Process name:{name} Process memory(MB):{mb}\n"
            for pid, name, mb in chip["rows"]
        ]
        return "".join(lines) or "        No process in device.\n"
    return pairs([("NPU ID", npu), *rows[what]]) if what in rows else None


def main(site: Site, container: str, args: list[str]) -> int:
    """Run npu-smi; returns its exit code."""
    del container
    slow = site.fault("npu-smi-slow")
    if slow is not None:
        time.sleep(float(slow or 5))
    words = dict(itertools.pairwise(args))
    text: str | None = None
    if args == ["info"]:
        text = table(site)
    elif args[:1] == ["-v"]:
        text = f"npu-smi version: {version(site)}\n"
    elif args[:2] == ["info", "-l"]:
        blocks = [pairs([("NPU ID", n), ("Chip Count", 1)]) for n in range(8)]
        text = pairs([("Total Count", 8)]) + "\n" + "\n".join(blocks)
    elif args[:1] == ["info"] and "-t" in words and words.get("-i", "").isdigit():
        npu = int(words["-i"])
        text = details(site, words["-t"], npu) if npu < 8 else None
    if text is None:
        sys.stderr.write(f"npu-smi (simulated): cannot answer {' '.join(args)}\n")
        return 1
    sys.stdout.write(text)
    return 0
