"""Do the nodes agree on everything that must be equal?"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, info, ok, warn
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.node import NodeFacts
from glm47_tui.node.docker import Container, Image


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
    for process in node.facts.processes:
        words = process.command.split()
        if "serve" not in words or not node.ours(process.container):
            continue
        flags: dict[str, str] = {}
        for word in words[words.index("serve") + 1 :]:
            if word.startswith("--"):
                name, _, value = word.partition("=")
                flags[name] = value
            elif flags:
                last = next(reversed(flags))
                flags[last] = f"{flags[last]} {word}".strip()
        return {k: _plain(v) for k, v in flags.items() if k not in _OWN}
    return {}


def _plain(value: str) -> str:
    """Write JSON in one way: the guide's two scripts differ in blanks, and mean the same."""
    if value[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            return json.dumps(json.loads(value), sort_keys=True)
    return value


@check("same.flags", src.VLLM_DP, fleet=True)
def flags(fleet: FleetView) -> Answer:
    """Engines that run were started with the same flags."""
    found = {n.index: f for n in fleet.nodes if (f := serve_flags(n))}
    if len(found) < 2:
        return None
    first = min(found)
    odd: list[str] = []
    for index, theirs in found.items():
        for name in sorted({*found[first], *theirs}):
            a, b = found[first].get(name), theirs.get(name)
            if a != b:
                odd.append(f"{name}: node{first} {a if a is not None else '-'}, "
                           f"node{index} {b if b is not None else '-'}")  # fmt: skip
    if odd:
        return block("differs", listing="; ".join(odd[:5]))
    return ok(count=len(found[first]))


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
