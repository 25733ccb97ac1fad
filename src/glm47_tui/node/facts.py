"""Everything one probe tells about a node, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glm47_tui.node.docker import (
    Container,
    Docker,
    Image,
    parse_containers,
    parse_docker,
    parse_images,
    parse_pairs,
)
from glm47_tui.node.hccn import (
    Cann,
    Driver,
    HccnConf,
    HccnPort,
    parse_cann,
    parse_driver,
    parse_hccn,
    split_files,
)
from glm47_tui.node.host import (
    Disk,
    Firewall,
    Listener,
    Memory,
    Process,
    System,
    parse_df_total,
    parse_disks,
    parse_firewall,
    parse_limits,
    parse_listeners,
    parse_memory,
    parse_mounts,
    parse_processes,
    parse_system,
    parse_tools,
)
from glm47_tui.node.net import Nic, PeerRoute, Route, nic_of, parse_nics, parse_routes
from glm47_tui.node.npu_smi import NpuTable, parse_health, parse_npu_smi, with_faults
from glm47_tui.node.sections import ProbeOutput, split
from glm47_tui.node.text import clean, key_values, to_int
from glm47_tui.node.weights import ModelOnDisk, parse_models


@dataclass(frozen=True)
class Inside:
    """What the running container says of itself.

    ``versions`` maps package names (python, vllm, vllm_ascend, torch, torch_npu, transformers) to
    versions; ``davinci`` the numbers of the NPU nodes it sees; ``shm_bytes`` its /dev/shm.
    """

    cann: Cann | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    davinci: tuple[int, ...] = ()
    shm_bytes: int | None = None
    limits: Mapping[str, str] = field(default_factory=dict)
    present: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """The node's clock against this machine's.

    ``offset_s`` is how far the node is ahead, in seconds, give or take ``uncertainty_s`` (half of
    the time the network took); None when the probe was not timed.
    """

    start_ns: int | None = None
    end_ns: int | None = None
    offset_s: float | None = None
    uncertainty_s: float | None = None
    synchronised: bool | None = None
    zone: str = ""


@dataclass(frozen=True)
class Devices:
    """Ascend device nodes under /dev, by number, and the three that all NPUs share."""

    davinci: tuple[int, ...] = ()
    manager: bool = False
    devmm_svm: bool = False
    hisi_hdc: bool = False


@dataclass(frozen=True)
class NodeFacts:
    """What is true of a node at one moment. Empty values: not there, or not to be seen.

    ``timed_out`` names the probes that hit their limit, ``complete`` tells whether the script ran
    to its end (``failed`` says why it could not begin). ``model`` is the folder the profile names;
    ``models`` are others that were found. ``images`` are image names of the kind that are here,
    with their ids; ``made`` the containers this tool made for any profile, id to profile name.
    """

    system: System = System()
    clock: Clock = Clock()
    nics: tuple[Nic, ...] = ()
    routes: tuple[Route, ...] = ()
    peer_routes: tuple[PeerRoute, ...] = ()
    npu: NpuTable = NpuTable()
    driver: Driver = Driver()
    hccn: tuple[HccnPort, ...] = ()
    hccn_conf: HccnConf = HccnConf()
    hccn_missing: bool = False
    devices: Devices = Devices()
    docker: Docker = Docker()
    image: Image | None = None
    container: Container | None = None
    containers: tuple[Container, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    inside: Inside | None = None
    disks: tuple[Disk, ...] = ()
    mounts: tuple[Disk, ...] = ()
    memory: Memory = Memory()
    shm_bytes: int | None = None
    limits: Mapping[str, str] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    firewall: Firewall = field(default_factory=lambda: Firewall({}))
    processes: tuple[Process, ...] = ()
    npu_processes: tuple[Process, ...] = ()
    model: ModelOnDisk | None = None
    models: tuple[ModelOnDisk, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)
    timed_out: tuple[str, ...] = ()
    millis: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    failed: str = ""

    def nic(self, name: str) -> Nic | None:
        """Return a NIC by its name."""
        return next((nic for nic in self.nics if nic.name == name), None)

    def nic_of(self, ip: str) -> Nic | None:
        """Return the NIC that carries an address."""
        return nic_of(self.nics, ip)

    def disk(self, path: str) -> Disk | None:
        """Return the disk under a folder the probe was asked about."""
        return next((disk for disk in self.disks if disk.path == path), None)

    def listening(self, port: int) -> tuple[Listener, ...]:
        """Return who listens on a TCP port."""
        return tuple(x for x in self.listeners if x.port == port)


def _inside(text: str) -> Inside | None:
    if not text.strip():
        return None
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("@") and not line.startswith(("@file", "@has")):
            current = parts.setdefault(line[1:].strip(), [])
        elif not line.startswith("@"):
            current.append(line)
    files = split_files(text.partition("@devices")[0])
    names = [line.strip() for line in parts.get("devices", [])]
    numbers = (to_int(n[7:]) for n in names if n.startswith("davinci"))
    versions = (line.split(maxsplit=1) for line in parts.get("python", []))
    return Inside(
        cann=parse_cann(next(iter(files.values()), "")),
        versions={pair[0]: pair[1] for pair in versions if len(pair) == 2},
        davinci=tuple(sorted(n for n in numbers if n is not None)),
        shm_bytes=parse_df_total("\n".join(parts.get("shm", []))),
        limits=parse_limits("\n".join(parts.get("limits", []))),
        present=tuple(line[5:] for line in text.splitlines() if line.startswith("@has ")),
    )


def _devices(text: str) -> Devices:
    names = {line.split()[0] for line in clean(text).splitlines() if line.startswith("/dev/")}
    numbers = (to_int(n[12:]) for n in names if n.startswith("/dev/davinci"))
    return Devices(
        davinci=tuple(sorted(n for n in numbers if n is not None)),
        manager="/dev/davinci_manager" in names,
        devmm_svm="/dev/devmm_svm" in names,
        hisi_hdc="/dev/hisi_hdc" in names,
    )


def _clock(output: ProbeOutput) -> Clock:
    ntp = key_values(output["ntp"].out)
    synced = ntp.get("NTPSynchronized")
    return Clock(
        output.clock_start_ns,
        output.clock_end_ns,
        synchronised=None if synced is None else synced == "yes",
        zone=ntp.get("Timezone", ""),
    )


def parse_probe(text: str) -> NodeFacts:
    """Read the output of ``probe.sh``. Never raises; what is missing stays empty."""
    out = split(text)
    nics = parse_nics(out["addr"].out, out["nic"].out)
    routes, peers = parse_routes(out["route"].out)
    ports, conf = parse_hccn(out["hccn"].out)
    images = parse_images(out["image"].out)
    wanted = parse_containers(out["container"].out)
    given = parse_models(out["model"].out, out["modelsum"].out)
    npu = out["npu"]
    return NodeFacts(
        system=parse_system(out["sys"].out),
        clock=_clock(out),
        nics=nics,
        routes=routes,
        peer_routes=peers,
        npu=with_faults(parse_npu_smi(f"{npu.out}\n{npu.err}"), parse_health(out["npuhealth"].out)),
        driver=parse_driver(out["driver"].out),
        hccn=ports,
        hccn_conf=conf,
        hccn_missing=out["hccn"].missing,
        devices=_devices(out["devs"].out),
        docker=parse_docker(out["dockerinfo"]),
        image=images[0] if images else None,
        container=wanted[0] if wanted else None,
        containers=parse_containers(out["containers"].out),
        images=parse_pairs(out["images"].out),
        made={i: name for name, i in parse_pairs(out["made"].out).items()},
        inside=_inside(out["inside"].out),
        disks=parse_disks(f"{out['disk'].out}\n{out['dockerdisk'].out}"),
        mounts=parse_mounts(out["mounts"].out),
        memory=parse_memory(out["mem"].out),
        shm_bytes=parse_df_total(out["shm"].out),
        limits=parse_limits(out["limits"].out),
        listeners=parse_listeners(out["ports"].out),
        firewall=parse_firewall(out["fw"].out),
        processes=parse_processes(out["procs"].out),
        npu_processes=parse_processes(out["npuproc"].out),
        model=given[0] if given else None,
        models=parse_models(out["models"].out),
        tools=parse_tools(out["tools"]),
        timed_out=tuple(s.name for s in out.sections.values() if s.timed_out),
        millis={s.name: s.millis for s in out.sections.values()},
        complete=out.complete,
        failed=out.failed,
    )
