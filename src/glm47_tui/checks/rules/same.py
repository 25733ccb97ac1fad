"""Do the nodes agree on everything that must be equal?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, info, joined, ok, warn
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.i18n import Msg
from glm47_tui.node import NodeFacts
from glm47_tui.node.docker import Container, Image
from glm47_tui.node.engine import flag_differences, running_flags, shown, wanted_flags


def _values(fleet: FleetView, get: Callable[[NodeFacts], object]) -> dict[int, str]:
    """Return a value a node, as text; nodes that have none are left out."""
    found = {i: get(f) for i, f in fleet.facts.items()}
    return {i: str(v) for i, v in found.items() if v}


def listing(values: Mapping[int, str]) -> str:
    """Name the nodes by value, the rarest value last: ``25.2.1: node0, node2; 25.2.0: node1``."""
    by_value: dict[str, list[str]] = {}
    for node, value in values.items():
        by_value.setdefault(value, []).append(f"node{node}")
    order = sorted(by_value, key=lambda v: -len(by_value[v]))
    return "; ".join(f"{v}: {', '.join(by_value[v])}" for v in order)


def _alike(
    fleet: FleetView,
    get: Callable[[NodeFacts], object],
    say: Callable[..., Says],
    command: str = "",
) -> Says | None:
    """Compare one value over the nodes; None when fewer than two nodes have it."""
    if not fleet.several:
        return None
    values = _values(fleet, get)
    if len(values) < 2:
        return None
    if len(set(values.values())) == 1:
        return ok(value=next(iter(values.values())), count=len(values))
    common = Counter(values.values()).most_common(1)[0][0]
    odd = next(i for i, v in values.items() if v != common)
    return say("differs", listing=listing(values), odd=odd, command=command)


@check("same.arch", src.GUIDE_HARDWARE, fleet=True)
def arch(fleet: FleetView) -> Answer:
    """One processor architecture."""
    return _alike(fleet, lambda f: f.system.arch, warn)


@check("same.driver", src.GUIDE_VERSIONS, fleet=True)
def driver(fleet: FleetView) -> Answer:
    """One driver version."""
    return _alike(fleet, lambda f: f.driver.version, warn,
                  "cat /usr/local/Ascend/driver/version.info")  # fmt: skip


@check("same.firmware", src.GUIDE_VERSIONS, fleet=True)
def firmware(fleet: FleetView) -> Answer:
    """One firmware version."""
    return _alike(fleet, lambda f: f.driver.firmware, warn,
                  "cat /usr/local/Ascend/firmware/version.info")  # fmt: skip


@check("same.cann", src.GUIDE_VERSIONS, fleet=True)
def cann(fleet: FleetView) -> Answer:
    """One CANN version inside the containers."""
    return _alike(
        fleet, lambda f: f.inside.cann.version if f.inside and f.inside.cann else None, warn
    )


@check("same.packages", src.GUIDE_VERSIONS, fleet=True)
def packages(fleet: FleetView) -> Answer:
    """The same Python packages inside the containers."""

    def names(facts: NodeFacts) -> str:
        versions = facts.inside.versions if facts.inside else {}
        wanted = ("vllm", "vllm_ascend", "torch", "torch_npu", "transformers")
        return " ".join(f"{n} {versions[n]}" for n in wanted if n in versions)

    engines = _values(fleet, lambda f: f.inside.versions.get("vllm") if f.inside else None)
    # Two versions of vLLM do not understand each other's handshake; the rest may still work.
    return _alike(fleet, names, block if len(set(engines.values())) > 1 else warn)


@check("same.image", src.GUIDE_RUN, fleet=True)
def image(fleet: FleetView) -> Answer:
    """One image, by its content: equal tags may hide different images."""
    images = {i: f.image for i, f in fleet.facts.items() if f.image}
    if not fleet.several or len(images) < 2:
        return None
    shared = set.intersection(*(_contents(x) for x in images.values()))
    if not shared:
        name = fleet.profile.container.image
        values = {i: x.id[:19] for i, x in images.items()}
        common = Counter(values.values()).most_common(1)[0][0]
        odd = next(i for i, v in values.items() if v != common)
        return warn("differs", listing=listing(values), odd=odd, command=f"docker pull {name}")
    lacking = [i for i in fleet.facts if i not in images]
    if lacking:
        return info("some", listing=", ".join(f"node{i}" for i in lacking))
    return ok(value=min(shared)[:19], count=len(images))


def _contents(image: Image) -> set[str]:
    """Return what tells an image's content: its id, and the digests of where it was pulled.

    The id is not the same with Docker's two image stores; the digest is, but an image that was
    loaded from a file has none.
    """
    return {image.id, *(d.partition("@")[2] for d in image.digests)}


@check("same.kernel", src.LINUX, fleet=True)
def kernel(fleet: FleetView) -> Answer:
    """One kernel; different ones are no fault by themselves."""
    return _alike(fleet, lambda f: f.system.kernel, info)


@check("same.docker", src.DOCKER, fleet=True)
def docker(fleet: FleetView) -> Answer:
    """One Docker version; different ones are no fault by themselves."""
    return _alike(fleet, lambda f: f.docker.server, info)


@check("same.hbm", src.GUIDE_HARDWARE, fleet=True)
def hbm(fleet: FleetView) -> Answer:
    """The same number of NPUs with the same HBM."""

    def shape(facts: NodeFacts) -> str:
        sizes = Counter(n.hbm_total_mb for n in facts.npu.npus if n.hbm_total_mb)
        return ", ".join(f"{count} x {size} MiB" for size, count in sorted(sizes.items()))

    return _alike(fleet, shape, warn)


def _made(container: Container) -> str:
    """Describe how a container was made, as far as it must be equal on all nodes."""
    devices = ",".join(map(str, container.npus)) or "-"
    shm = (container.shm_bytes or 0) >> 20
    mounts = " ".join(sorted(m.target for m in container.mounts))
    flags = f"privileged {container.privileged}" if container.privileged else ""
    env = container.env or {}
    alloc = env.get("PYTORCH_NPU_ALLOC_CONF", "-")
    return (f"NPU {devices} shm {shm} MiB net {container.network} {flags}"
            f" PYTORCH_NPU_ALLOC_CONF {alloc} mounts {mounts}").replace("  ", " ")  # fmt: skip


@check("same.container", src.GUIDE_RUN, fleet=True)
def container(fleet: FleetView) -> Answer:
    """The containers were made with the same options."""
    return _alike(fleet, lambda f: _made(f.container) if f.container else None, warn,
                  f"docker inspect {fleet.profile.container.name}")  # fmt: skip


_OWN = ("--headless", "--data-parallel-start-rank", "--host", "--port")
"""Flags that differ between the head and the others by design."""


def serve_flags(node: NodeView) -> dict[str, str]:
    """Return the flags of a running `vllm serve` of this profile: {} when none runs."""
    return {k: v for k, v in running_flags(node.facts).items() if k not in _OWN}


@check("same.flags", src.VLLM_DP, fleet=True)
def flags(fleet: FleetView) -> Answer:
    """Engines that run were started with the same flags, and with the profile's."""
    found = {n.index: f for n in fleet.nodes if (f := serve_flags(n))}
    if not found:
        return None
    wanted = {k: v for k, v in wanted_flags(fleet.profile, min(found)).items() if k not in _OWN}
    odd = [
        _flag(name, found, wanted)
        for name in sorted({name for theirs in found.values() for name in theirs})
        if len({theirs.get(name) for theirs in found.values()}) > 1
    ]
    if odd:
        return block("differs", listing=joined(odd[:5], len(odd) > 5), profile=fleet.profile.name)
    return _as_profile(fleet, tuple(found)) or ok(count=len(next(iter(found.values()))))


def _flag(name: str, found: Mapping[int, Mapping[str, str]], wanted: Mapping[str, str]) -> Msg:
    """Say what a flag is on every node, and what the profile says."""
    values = ", ".join(f"node{i} {shown(name, theirs.get(name))}" for i, theirs in found.items())
    return Msg.of("checks_same.flags.flag", name=name, values=values,
                  wanted=shown(name, wanted.get(name)))  # fmt: skip


def _as_profile(fleet: FleetView, running: Sequence[int]) -> list[Says]:
    """Say which engines run with other flags than the profile's; [] when all have them."""
    said = []
    for index in running:
        odd = flag_differences(fleet.profile, index, fleet.facts[index])
        if odd:
            words = [
                Msg.of("checks_same.flags.flag", name=d.name, values=d.running, wanted=d.wanted)
                for d in odd[:5]
            ]
            listing = joined(words, len(odd) > 5)
            said.append(warn("profile", node=index, fix="fix_profile", listing=listing,
                             profile=fleet.profile.name))  # fmt: skip
    return said


_DECIDING = ("config.json", "model.safetensors.index.json", "tokenizer.json")
_SMALL = re.compile(r"\.(json|jinja|txt|model|py)$")


@check("same.model", src.MODEL_INDEX, fleet=True)
def model(fleet: FleetView) -> Answer:
    """The same model files on all nodes: sizes of all, sums of the small ones."""
    found = {i: f.model for i, f in fleet.facts.items() if f.model and f.model.exists}
    if len(found) < 2:
        return None
    first = min(found)
    base = found[first]
    odd: list[str] = []
    worst = False
    whole = all(m.complete for m in found.values())
    for index, other in found.items():
        for name in sorted({*base.sizes, *other.sizes}):
            a, b = base.sizes.get(name), other.sizes.get(name)
            same = a == b and base.sums.get(name) == other.sums.get(name)
            if same or (_SMALL.search(name) and name not in base.sums):
                continue
            worst = worst or name.endswith(".safetensors") or name in _DECIDING
            odd.append(f"{name} ({_size(a)} / {_size(b)}, node{first} / node{index})")
    if odd:
        shown = "; ".join(odd[:4]) + ("; ..." if len(odd) > 4 else "")
        command = f"cd {fleet.profile.model_path(first)} && sha256sum *.json"
        return (block if worst and whole else warn)(
            "differs", listing=shown, count=len(odd), command=command
        )
    return ok(count=len(base.sizes))


def _size(value: int | None) -> str:
    return "-" if value is None else f"{value} B"
