"""Parser of ``npu-smi info``, for drivers 23.x to 26.x.

The layouts differ in width, in columns (A3 adds ``Phy-ID``, 25.7 cuts the first cell in two, 26.0
adds the process id in the container) and in what they leave out (process table, names, power of a
second die). What they share is used here: rows are cells between bars; the last two cells of a
device's first line are health and ``power temperature hugepages``; its second line holds a PCI
address, and the last ``used / total`` pair of that line is HBM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from glm47_tui.node.text import clean, to_float, to_int

Problem = Literal["missing", "used", "init", "library", "denied", "empty", "other"]
"""Why there is no table. ``missing``: no such program. ``used``: the devices are held by another
container (-8020). ``init``: the driver interface does not start (-8005: no device nodes, no right
to them, or a driver built for another kernel). ``library``: a driver library is not found.
``denied``: no permission. ``empty``: no output. ``other``: text that is not understood."""

_BUS = re.compile(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9]")
_PAIR = re.compile(r"([0-9]{1,12})\s*/\s*([0-9]{1,12})")
_VERSION = re.compile(r"npu-smi\s+(\S+)\s+Version:\s*(\S+)")
_PROBLEMS: tuple[tuple[re.Pattern[str], Problem], ...] = (
    (re.compile(r"-8020|device is used", re.I), "used"),
    (
        re.compile(r"error while loading shared libraries|cannot open shared object", re.I),
        "library",
    ),
    (re.compile(r"-8005|dcmi mod\w+ init", re.I), "init"),
    (re.compile(r"command not found|no such file|not found", re.I), "missing"),
    (re.compile(r"permission denied|not permitted", re.I), "denied"),
)


@dataclass(frozen=True)
class NpuProcess:
    """One row of the process table: a process that holds memory on an NPU.

    ``name`` is the kernel's 15-character name and may be empty (a process of another PID
    namespace); ``mem_mb`` is HBM in MiB; ``container_pid`` exists from driver 26.0 on.
    """

    pid: int
    name: str
    mem_mb: int | None
    container_pid: int | None = None


@dataclass(frozen=True)
class Npu:
    """One NPU chip (on A3: one die).

    Units: W, degrees Celsius, percent, MiB. None stands for a value the driver does not give
    (``-``, ``NA``). ``health`` is the driver's own word: OK, Warning, Alarm, Critical, UNKNOWN.
    """

    id: int
    chip: int
    name: str
    health: str
    power_w: float | None
    temp_c: float | None
    aicore_pct: float | None
    hbm_used_mb: int | None
    hbm_total_mb: int | None
    bus_id: str
    phy_id: int | None = None
    processes: tuple[NpuProcess, ...] = ()
    fault: str = ""
    """Error code and words of a device that is not OK, when the driver was asked for them."""

    @property
    def device(self) -> int:
        """Number of the device node: ``/dev/davinci<device>``."""
        return self.id if self.phy_id is None else self.phy_id

    @property
    def healthy(self) -> bool:
        """Whether the driver calls the device OK."""
        return self.health.upper() == "OK"

    @property
    def hbm_free_mb(self) -> int | None:
        """HBM in MiB that nobody holds, None when the driver does not say."""
        if self.hbm_used_mb is None or self.hbm_total_mb is None:
            return None
        return max(0, self.hbm_total_mb - self.hbm_used_mb)


@dataclass(frozen=True)
class NpuTable:
    """Everything one ``npu-smi info`` says.

    ``error`` is the program's own words when no device was listed. ``has_processes`` tells a
    process table that lists nobody from a driver that prints none. ``truncated`` is set when the
    output ends inside the table.
    """

    version: str | None = None
    npus: tuple[Npu, ...] = ()
    error: str | None = None
    problem: Problem | None = None
    has_processes: bool = False
    truncated: bool = False

    @property
    def processes(self) -> tuple[NpuProcess, ...]:
        """All processes of all NPUs, in table order."""
        return tuple(p for npu in self.npus for p in npu.processes)


def _cells(line: str) -> list[str] | None:
    """Split a complete ``| a | b |`` line into cells; None when it is none, or is cut off."""
    line = line.strip()
    if len(line) < 3 or not line.startswith("|") or not line.endswith("|"):
        return None
    return [cell.strip() for cell in line[1:-1].split("|")]


@dataclass
class _State:
    """What the reader of a table keeps from line to line."""

    npus: dict[tuple[int, int], Npu]
    half: Npu | None = None
    process_columns: int = -1  # index of the "Process id" cell once that table began
    process_cells: int = 0  # how many cells its rows have: fewer, and the row is cut off
    has_phy: bool = False
    truncated: bool = False


def _first_line(cells: list[str]) -> Npu | None:
    """Read the line of name, health, power and temperature; None when it is another line."""
    if len(cells) < 3:
        return None
    words = " ".join(cells[:-2]).split()
    npu_id = to_int(words[0]) if words else None
    if npu_id is None or npu_id > 9999:
        return None
    stats = [*cells[-1].split(), "", ""]
    return Npu(
        id=npu_id,
        chip=0,
        name=" ".join(words[1:]),
        health=cells[-2] or "UNKNOWN",
        power_w=to_float(stats[0]),
        temp_c=to_float(stats[1]),
        aicore_pct=None,
        hbm_used_mb=None,
        hbm_total_mb=None,
        bus_id="",
    )


def _second_line(half: Npu, cells: list[str], bus: str, has_phy: bool) -> Npu:
    """Complete a device with chip number, bus address, AICore load and HBM."""
    ids = [to_int(word) for word in " ".join(cells[:-2]).split()]
    chip = ids[0] if ids and ids[0] is not None else 0
    phy = ids[1] if has_phy and len(ids) > 1 else None
    stats = cells[-1]
    pairs = _PAIR.findall(stats)
    used, total = pairs[-1] if pairs else (None, None)
    load = stats.split()
    return replace(
        half,
        chip=chip,
        phy_id=phy,
        bus_id=bus,
        aicore_pct=to_float(load[0]) if load else None,
        hbm_used_mb=to_int(used),
        hbm_total_mb=to_int(total),
    )


def _process_line(cells: list[str], at: int) -> tuple[int, int, NpuProcess] | None:
    """Read ``npu chip | pid | name | memory``; returns (npu id, chip, process) or None."""
    if len(cells) <= at:
        return None
    ids = [to_int(word) for word in " ".join(cells[:at]).split()]
    pid = to_int(cells[at])
    if not ids or ids[0] is None or pid is None:
        return None
    chip = ids[1] if len(ids) > 1 and ids[1] is not None else 0
    rest = [*cells[at + 1 :], "", "", ""]
    process = NpuProcess(pid, rest[0], to_int(rest[1]), to_int(rest[2]))
    return ids[0], chip, process


def _add_process(state: _State, npu_id: int, chip: int, process: NpuProcess) -> None:
    key: tuple[int, int] | None = (npu_id, chip)
    if key not in state.npus:
        # Some drivers print the NPU's number in the chip column of one of the two tables.
        key = next((k for k in state.npus if k[0] == npu_id), None)
    if key is not None:
        npu = state.npus[key]
        state.npus[key] = replace(npu, processes=(*npu.processes, process))


def _read_line(state: _State, line: str) -> None:
    cells = _cells(line)
    if cells is None:
        if line.strip().startswith("|"):
            state.truncated = True
            state.half = None
        return
    header = next((i for i, cell in enumerate(cells) if cell.lower() == "process id"), None)
    if header is not None:
        state.process_columns, state.process_cells = header, len(cells)
        return
    if "phy-id" in cells[0].lower():
        state.has_phy = True
    if state.process_columns >= 0:
        row = _process_line(cells, state.process_columns)
        if row is not None and len(cells) < state.process_cells:
            state.truncated = True
        elif row is not None:
            _add_process(state, *row)
        return
    bus = next((m for cell in cells[:-1] if (m := _BUS.search(cell))), None)
    if bus is not None:
        if state.half is not None:
            npu = _second_line(state.half, cells, bus.group(), state.has_phy)
            state.npus[npu.id, npu.chip] = npu
        state.half = None
    elif (half := _first_line(cells)) is not None:
        state.half = half


def parse_npu_smi(text: str) -> NpuTable:
    """Read the output of ``npu-smi info`` (standard output and error together).

    Never raises. Without a single device the result carries ``error`` and ``problem``. A line cut
    off in the middle is left out, so that half a number is never taken for a number.
    """
    text = clean(text)
    found = _VERSION.search(text)
    state = _State({})
    for line in text.splitlines():
        _read_line(state, line)
    npus = tuple(state.npus.values())
    error, problem = (None, None) if npus else _trouble(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ended = not lines or lines[-1][0] not in "+|" or (lines[-1][0], lines[-1][-1]) == ("+", "+")
    return NpuTable(
        version=found.group(2) if found else None,
        npus=npus,
        error=error,
        problem=problem,
        has_processes=state.process_columns >= 0,
        truncated=bool(found) and (state.truncated or state.half is not None or not ended),
    )


def _trouble(text: str) -> tuple[str, Problem]:
    """Return what the program said and which kind of failure that is."""
    lines = [line.strip() for line in text.splitlines() if line.strip().strip("+-=|")]
    words = " ".join(lines)[:400]
    if not words:
        return "", "empty"
    for pattern, problem in _PROBLEMS:
        if pattern.search(words):
            return words, problem
    return words, "other"


def parse_health(text: str) -> dict[int, str]:
    """Read ``@npu N`` blocks of ``npu-smi info -t health``: code and words by NPU number.

    The key is ``Health`` or, by chip, ``Health Status``; ``NA`` stands for nothing.
    """
    found: dict[int, str] = {}
    npu: int | None = None
    for line in clean(text).splitlines():
        if line.startswith("@npu "):
            npu = to_int(line[5:])
            continue
        key, _, value = line.partition(":")
        value = value.strip()
        wanted = key.strip().lower() in ("error code", "error information")
        if npu is not None and wanted and value and value.upper() != "NA":
            found[npu] = f"{found[npu]} {value}" if npu in found else value
    return found


def with_faults(table: NpuTable, faults: dict[int, str]) -> NpuTable:
    """Return the table with what the driver says of devices that are not OK."""
    if not faults:
        return table
    npus = tuple(n if n.healthy else replace(n, fault=faults.get(n.id, "")) for n in table.npus)
    return replace(table, npus=npus)
