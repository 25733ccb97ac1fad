"""The NPUs: there, healthy, all alike, and nobody else's."""

from __future__ import annotations

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, block, check, info, joined, ok, unknown, warn
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.i18n import Msg
from glm47_tui.node.host import Process
from glm47_tui.node.npu_smi import Npu

BUSY_MB = 8192
"""HBM in MiB above which an NPU is in use: an idle 64 GB 910B2 shows 3.2-3.5 GB."""
HOT_C = 85.0
"""Degrees Celsius from which a chip deserves a look: idle ones show 36 to 50."""
GUIDE_HBM_MB = 65536
"""HBM in MiB of the guide's NPUs."""

PROBLEM_COMMANDS = {
    "missing": "ls -l /usr/local/sbin/npu-smi /usr/local/bin/npu-smi /usr/local/Ascend/driver",
    "used": "docker ps --format '{{.Names}}\\t{{.Image}}'",
    "init": "ls -l /dev/davinci* && lsmod | grep drv_",
    "library": "ls /usr/local/Ascend/driver/lib64",
    "denied": "ls -l /dev/davinci* /dev/davinci_manager; id",
}


def used(node: NodeView) -> list[Npu]:
    """Return the NPUs the profile gives to the container."""
    return [n for n in node.facts.npu.npus if n.device in node.profile.container.devices]


@check("npu.tool", src.NPU_SMI, needs="npu")
def tool(node: NodeView) -> Answer:
    """npu-smi lists the NPUs."""
    table = node.facts.npu
    if table.npus:
        return ok(count=len(table.npus), version=table.version or "-")
    problem = table.problem or "other"
    command = PROBLEM_COMMANDS.get(problem, "npu-smi info")
    return block(problem, fix=f"fix_{problem}", error=table.error or "-", command=command)


@check("npu.count", src.GUIDE_HARDWARE, needs="npu")
def count(node: NodeView) -> Answer:
    """Every NPU the profile wants is there."""
    table = node.facts.npu
    if not table.npus:
        return None  # npu.tool speaks of it
    have = {n.device for n in table.npus}
    missing = [d for d in node.profile.container.devices if d not in have]
    if table.truncated and missing:
        return unknown("truncated")
    if missing:
        return block(missing=_numbers(missing), have=len(have),
                     want=len(node.profile.container.devices),
                     command="npu-smi info -l; ls /dev/davinci*")  # fmt: skip
    return ok(count=len(node.profile.container.devices))


def _numbers(numbers: list[int]) -> str:
    return ", ".join(str(n) for n in sorted(numbers))


@check("npu.health", src.NPU_SMI, needs="npu")
def health(node: NodeView) -> Answer:
    """The driver calls every NPU OK."""
    mine = used(node)
    if not mine:
        return None
    bad = [n for n in mine if not n.healthy]
    if not bad:
        return ok(count=len(mine))
    listing = ", ".join(f"{n.device} {n.health}{f' ({n.fault})' if n.fault else ''}" for n in bad)
    # Warning leaves the chip working; Alarm and Critical do not.
    say = warn if all(n.health.upper() == "WARNING" for n in bad) else block
    return say("bad", listing=listing, command=f"npu-smi info -t health -i {bad[0].id}")


@check("npu.busy", src.HCCL_ERRORS, needs="npu")
def busy(node: NodeView) -> Answer:
    """Nobody else holds the NPUs; the engine of this profile is no stranger."""
    mine = used(node)
    if not mine:
        return None
    known = {p.pid: p for p in (*node.facts.npu_processes, *node.facts.processes)}
    containers = {c.id: c.name for c in node.facts.containers}
    strangers: list[Msg] = []
    own = 0
    for npu in mine:
        for process in npu.processes:
            seen = known.get(process.pid)
            if seen is not None and node.ours(seen.container):
                own += 1
                continue
            name = process.name or (seen.name if seen else "") or "?"
            home = containers.get(seen.container or "", "") if seen else ""
            strangers.append(_stranger(npu.device, name, process.pid, seen, home))
    if strangers:
        return block(
            "stranger",
            who=joined(strangers[:4], len(strangers) > 4),
            count=len(strangers),
            command=_who(mine),
        )
    if own:
        return ok("own", count=own)
    full = [n for n in mine if (n.hbm_used_mb or 0) > BUSY_MB]
    if full:
        listing = ", ".join(f"{n.device}: {n.hbm_used_mb} MiB" for n in full)
        return block("held", fix="fix_held", listing=listing, command="npu-smi info")
    if not node.facts.npu.has_processes:
        return ok("no_table", most=max(n.hbm_used_mb or 0 for n in mine))
    return ok(most=max(n.hbm_used_mb or 0 for n in mine))


def _stranger(npu: int, name: str, pid: int, seen: Process | None, container: str) -> Msg:
    """Name a process: in a container of its own, by its user, or (in none we see) by pid alone."""
    values = {"npu": npu, "name": name, "pid": pid, "container": container}
    if seen is None or seen.user in ("", "?"):
        return Msg("checks_npu.busy.who", values)
    values["user"] = seen.user
    return Msg("checks_npu.busy.who_container" if container else "checks_npu.busy.who_user", values)


def _who(npus: list[Npu]) -> str:
    pids = sorted({p.pid for n in npus for p in n.processes})[:8]
    return f"ps -o pid,user,lstart,cmd -p {','.join(map(str, pids))}"


@check("npu.hbm", src.GUIDE_HARDWARE, needs="npu")
def hbm(node: NodeView) -> Answer:
    """Every NPU has 64 GB, as the guide's have."""
    sizes = {n.hbm_total_mb for n in used(node) if n.hbm_total_mb}
    if not sizes:
        return unknown() if used(node) else None
    if len(sizes) > 1:
        return warn("mixed", sizes=_numbers(list(sizes)))
    size = sizes.pop()
    return ok(size=size) if size >= GUIDE_HBM_MB else warn("small", size=size)


@check("npu.temperature", src.NPU_SMI, needs="npu")
def temperature(node: NodeView) -> Answer:
    """No NPU is hot before the work begins."""
    temps = {n.device: n.temp_c for n in used(node) if n.temp_c is not None}
    if not temps:
        return unknown() if used(node) else None
    hot = {d: t for d, t in temps.items() if t >= HOT_C}
    if hot:
        return warn(listing=", ".join(f"{d}: {t:g} C" for d, t in hot.items()), limit=HOT_C)
    return ok(most=max(temps.values()))


@check("npu.models_equal", src.GUIDE_HARDWARE, fleet=True)
def models_equal(fleet: FleetView) -> Answer:
    """All nodes have NPUs of one model."""
    names = {n.index: ", ".join(sorted({x.name for x in used(n)})) for n in fleet.nodes}
    names = {i: name for i, name in names.items() if name}
    if not names:
        return None
    if len(set(names.values())) > 1:
        listing = "; ".join(f"node{i} {name}" for i, name in names.items())
        # One image serves all of a family; the slowest chip then sets the pace.
        related = all(n.startswith("910B") for n in names.values())
        return warn("related", listing=listing) if related else block(listing=listing)
    name = next(iter(names.values()))
    return ok(name=name) if name.startswith("910B") else info("unusual", name=name)
