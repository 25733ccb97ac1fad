"""The host: devices, memory, disks, clock, and what else runs there."""

from __future__ import annotations

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, block, check, info, ok, unknown, warn
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.node.host import Process

CLOCK_S = 2.0
"""Seconds two nodes' clocks may differ before their logs can no longer be put in order."""
WORKER_BYTES = 4_700_000_000
"""Resident memory of one vLLM worker as reported for 0.13.0rc1, in bytes."""
NOFILE = 65535
"""Open files vLLM asks for at start."""
GB = 10**9


@check("host.devices", src.GUIDE_RUN, needs="devs")
def devices(node: NodeView) -> Answer:
    """All device files that docker run hands in exist."""
    have = node.facts.devices
    missing = [f"/dev/davinci{d}" for d in node.profile.container.devices if d not in have.davinci]
    shared = {
        "/dev/davinci_manager": have.manager,
        "/dev/devmm_svm": have.devmm_svm,
        "/dev/hisi_hdc": have.hisi_hdc,
    }
    missing += [path for path, there in shared.items() if not there]
    if missing:
        shown = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
        return block(missing=shown, count=len(missing), command="ls -l /dev/davinci* /dev/hisi_hdc")
    return ok(count=len(node.profile.container.devices))


@check("host.memory", src.VA_FAQ, needs="mem")
def memory(node: NodeView) -> Answer:
    """There is memory for the workers."""
    about = node.facts.memory
    if about.available is None or about.total is None:
        return unknown()
    workers = node.profile.launch.tensor_parallel * node.profile.launch.data_parallel_local
    need = workers * WORKER_BYTES
    own = sum(p.rss_kb * 1024 for p in node.facts.processes if node.ours(p.container))
    values = {"free": about.available / GB, "total": about.total / GB, "need": need / GB,
              "workers": workers}  # fmt: skip
    if about.available + own < need:
        return warn(**values, command="ps -eo rss,pid,user,cmd --sort=-rss | head -n 15")
    return ok(**values)


@check("host.swap", src.LINUX, needs="mem")
def swap(node: NodeView) -> Answer:
    """No swap: a swapped worker stalls all others."""
    total = node.facts.memory.swap_total
    if total is None:
        return unknown()
    return info(size=total / GB) if total else ok()


@check("host.data_mount", src.GUIDE_RUN, needs="disk")
def data_mount(node: NodeView) -> Answer:
    """The data folder exists and can be written to."""
    path = node.profile.container.data_mount
    disk = node.facts.disk(path)
    if disk is None:
        return unknown(path=path)
    free = (disk.free or 0) / GB
    if not disk.exists:
        return warn("absent", fix="fix_absent", path=path, real=disk.real, mount=disk.mount,
                    free=free, command=f"mkdir -p {path}", undo=f"rmdir {path}")  # fmt: skip
    if not disk.writable:
        return block("read_only", path=path, mount=disk.mount, device=disk.device,
                     command=f"ls -ld {path}; findmnt -T {path}")  # fmt: skip
    return ok(path=path, mount=disk.mount, device=disk.device, kind=disk.kind, free=free)


@check("host.inodes", src.LINUX, needs="disk")
def inodes(node: NodeView) -> Answer:
    """The data disk has inodes left. File systems without a fixed number report none."""
    path = node.profile.container.data_mount
    disk = node.facts.disk(path)
    if disk is None or disk.inodes_free is None:
        return None
    if disk.inodes_free == 0 and disk.kind.startswith(("btrfs", "nfs", "fuse", "lustre")):
        return None
    if disk.inodes_free < 1000:
        return warn(free=disk.inodes_free, mount=disk.mount, command=f"df -i {disk.mount}")
    return ok(free=disk.inodes_free)


@check("host.root_disk", src.LINUX, needs="disk")
def root_disk(node: NodeView) -> Answer:
    """The system's own disk is not full."""
    disk = node.facts.disk("/")
    if disk is None or disk.free is None:
        return unknown()
    free = disk.free / GB
    return ok(free=free) if free >= 1 else warn(free=free, command="df -h / /tmp")


@check("host.limits", src.LINUX, needs="limits")
def limits(node: NodeView) -> Answer:
    """Open files: in the container where it runs, else of the login."""
    inside = node.facts.inside
    where = "inside" if inside and inside.limits else "login"
    value = (inside.limits if inside and inside.limits else node.facts.limits).get("nofile", "")
    if value == "unlimited":
        return ok(where, value=value)
    if not value.isdecimal():
        return unknown()
    if int(value) >= NOFILE:
        return ok(where, value=value)
    if where == "login":
        return info("login_low", value=value, want=NOFILE)
    command = f"docker exec {node.profile.container.name} bash -c 'ulimit -Hn'"
    return warn("inside_low", value=value, want=NOFILE, command=command)


@check("host.selinux", src.DOCKER, needs="fw")
def selinux(node: NodeView) -> Answer:
    """SELinux does not stand between the container and its folders."""
    mode = node.facts.firewall.selinux
    if mode is None:
        return None
    if mode.lower() == "enforcing" and node.facts.docker.selinux:
        return warn(command="ausearch -m avc -ts recent | tail")
    return ok(mode=mode)


@check("host.firewall", src.VA_DP, needs="fw")
def firewall(node: NodeView) -> Answer:
    """A firewall is no fault by itself: whether the nodes reach each other is tried out."""
    wall = node.facts.firewall
    if len(node.profile.nodes) < 2:
        return None
    names = [*wall.active]
    if wall.drops and not names:
        names.append("iptables")
    if wall.nft_drops and not names:
        names.append("nftables")
    return info(names=", ".join(names)) if names else ok()


@check("host.clock", src.LINUX, fleet=True)
def clock(fleet: FleetView) -> Answer:
    """The nodes' clocks agree."""
    if not fleet.several:
        return None
    offsets = {i: f.clock.offset_s for i, f in fleet.facts.items()}
    known = {i: o for i, o in offsets.items() if o is not None}
    if len(known) < 2:
        return unknown()
    skew = max(known.values()) - min(known.values())
    blur = max(fleet.facts[i].clock.uncertainty_s or 0 for i in known)
    listing = ", ".join(f"node{i} {o:+.1f} s" for i, o in known.items())
    if skew - 2 * blur > CLOCK_S:
        return warn(skew=skew, listing=listing, limit=CLOCK_S,
                    command="timedatectl; chronyc tracking")  # fmt: skip
    return ok(skew=skew, blur=blur)


@check("host.time_sync", src.LINUX, needs="ntp")
def time_sync(node: NodeView) -> Answer:
    """The clock is kept right by somebody."""
    synced = node.facts.clock.synchronised
    if synced is None:
        return None
    return ok() if synced else info()


def leftovers(node: NodeView) -> tuple[Process, ...]:
    """Return processes of an inference run that are not this profile's."""
    return tuple(p for p in node.facts.processes if not node.ours(p.container))


@check("host.leftovers", src.VLLM_DP, needs="procs")
def left(node: NodeView) -> Answer:
    """Nothing of an earlier or another run is left."""
    found = leftovers(node)
    if not found:
        return ok()
    names = {c.id: c.name for c in node.facts.containers}
    shown = ", ".join(
        f"{p.name} (pid {p.pid}"
        + (f", {names.get(p.container, p.container[:12])}" if p.container else "")
        + ")"
        for p in found[:4]
    )
    made = {name for p in found if (name := node.facts.made.get(p.container or ""))}
    pids = ",".join(str(p.pid) for p in found[:12])
    command = f"ps -o pid,user,lstart,cmd -p {pids}"
    more = ", ..." if len(found) > 4 else ""
    if made:
        return warn("made", fix="fix_made", count=len(found), listing=shown + more,
                    profile=", ".join(sorted(made)), command=command)  # fmt: skip
    return warn(count=len(found), listing=shown + more, command=command)
