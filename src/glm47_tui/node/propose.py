"""What looking at the nodes suggests for a draft of a profile. Pure.

A suggestion is made for fields the user has left empty, and carries its reasons. The nodes are
looked at together: their addresses must lie in one subnet, their models under one data folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glm47_tui.i18n import Msg
from glm47_tui.node.detect import NicChoice, model_choices, nic_choices
from glm47_tui.node.facts import NodeFacts
from glm47_tui.node.weights import ModelOnDisk
from glm47_tui.profile import ContainerSpec, ModelSpec


@dataclass(frozen=True)
class Suggestion:
    """A value for one field of the profile, as ``nodes[0].nic`` or ``model.path``."""

    path: str
    value: Any
    reasons: tuple[Msg, ...] = ()


def propose(draft: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> tuple[Suggestion, ...]:
    """Suggest NICs and addresses, model folders, data folder, image, NPUs and quantisation.

    ``draft`` is a profile's data as TOML holds it, in any state of completion. What it says already
    is never suggested otherwise: whether it is right is for the checks.
    """
    single = (_image(draft, facts), _devices(draft, facts))
    return (
        *_addresses(draft, facts), *_models(draft, facts), *(x for x in single if x is not None),
    )  # fmt: skip


def _part(draft: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = draft.get(name)
    return value if isinstance(value, Mapping) else {}


def _nodes(draft: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    value = draft.get("nodes")
    return [n if isinstance(n, Mapping) else {} for n in value] if isinstance(value, list) else []


def _addresses(draft: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> list[Suggestion]:
    """Choose NIC and address of every node: of all subnets they share, the likeliest."""
    nodes = _nodes(draft)
    fits: dict[int, list[NicChoice]] = {}
    for index, seen in facts.items():
        node = nodes[index] if index < len(nodes) else {}
        others = [f for i, f in facts.items() if i != index]
        nic, ip = node.get("nic"), node.get("ip")
        fits[index] = [
            c
            for c in nic_choices(seen, others, str(node.get("host", "")))
            if (not nic or c.nic == nic) and (not ip or c.ip == ip)
        ]
    subnet = _best_subnet(fits)
    found: list[Suggestion] = []
    for index, choices in fits.items():
        node = nodes[index] if index < len(nodes) else {}
        best = next((c for c in choices if c.subnet == subnet), choices[0] if choices else None)
        if best is None:
            continue
        if not node.get("nic"):
            found.append(Suggestion(f"nodes[{index}].nic", best.nic, best.reasons))
        if not node.get("ip"):
            found.append(Suggestion(f"nodes[{index}].ip", best.ip, best.reasons))
    return found


def _best_subnet(fits: Mapping[int, Sequence[NicChoice]]) -> str | None:
    """Return the subnet all nodes have a choice in whose choices score best together."""
    scores: dict[str, dict[int, int]] = {}
    for index, choices in fits.items():
        for choice in choices:
            seen = scores.setdefault(choice.subnet, {})
            seen[index] = max(choice.score, seen.get(index, choice.score))
    shared = {net: sum(s.values()) for net, s in scores.items() if len(s) == len(fits)}
    return max(shared, key=lambda net: shared[net], default=None)


def _whole(facts: NodeFacts) -> list[ModelOnDisk]:
    return [m for m in model_choices(facts) if m.complete and _is_glm(m)]


def _is_glm(model: ModelOnDisk) -> bool:
    return bool(model.config and model.config.architecture.startswith("Glm4Moe"))


def _models(draft: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> list[Suggestion]:
    """Choose the model folders that are whole, and the data folder they lie under."""
    nodes = _nodes(draft)
    if not facts or _part(draft, "model").get("path") or any(n.get("model_path") for n in nodes):
        return []
    best = {i: models[0] for i, f in facts.items() if (models := _whole(f))}
    if not best or any(m.path == ModelSpec().path for m in best.values()):
        return []  # none found, or the default path serves already
    paths = {i: m.path for i, m in best.items()}
    head = paths.get(0) or next(iter(paths.values()))
    found = [Suggestion("model.path", head, (Msg.of("node.found_model", path=head),))]
    for index, path in paths.items():
        if path != head:
            reason = Msg.of("node.found_model", path=path)
            found.append(Suggestion(f"nodes[{index}].model_path", path, (reason,)))
    mount = _part(draft, "container").get("data_mount")
    if not mount and not all(
        p.startswith(f"{ContainerSpec().data_mount}/") for p in paths.values()
    ):
        top = {_mount_of(facts[i], p) for i, p in paths.items()}
        if len(top) == 1:
            folder = top.pop()
            reason = Msg.of("node.model_below", path=folder)
            found.append(Suggestion("container.data_mount", folder, (reason,)))
    if best.get(0, next(iter(best.values()))).ascend and not _part(draft, "launch").get(
        "quantization"
    ):
        found.append(Suggestion("launch.quantization", "ascend", (Msg.of("node.quantised"),)))
    return found


def _mount_of(facts: NodeFacts, path: str) -> str:
    """Return the disk a folder lies on, or its first folder where that is the system's disk."""
    mounts = [m.path for m in facts.mounts if path.startswith(f"{m.path.rstrip('/')}/")]
    best = max(mounts, key=len, default="/")
    return best if best != "/" else f"/{path.split('/')[1]}"


def _image(draft: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> Suggestion | None:
    """Choose an image that every node has under another registry's name."""
    wanted = ContainerSpec().image
    if _part(draft, "container").get("image") or not facts:
        return None
    shared = set.intersection(*(set(f.images) for f in facts.values()))
    if wanted in shared or any(f.image for f in facts.values()):
        return None
    tag = wanted.rpartition("/")[2]
    alike = sorted(n for n in shared if n.rpartition("/")[2] == tag)
    if not alike:
        return None
    return Suggestion("container.image", alike[0], (Msg.of("node.image_here", image=alike[0]),))


def _devices(draft: Mapping[str, Any], facts: Mapping[int, NodeFacts]) -> Suggestion | None:
    """Choose the NPUs every node has, where the default's are not all there."""
    default = ContainerSpec().devices
    if _part(draft, "container").get("devices"):
        return None
    if any("npu" in f.timed_out or not f.complete for f in facts.values()):
        return None  # a table that was cut off knows the first NPUs alone
    have = [{n.device for n in f.npu.npus} for f in facts.values() if f.npu.npus]
    shared = sorted(set.intersection(*have)) if have else []
    if not shared or set(default) <= set(shared):
        return None
    reason = Msg.of("node.npus_there", count=len(shared))
    return Suggestion("container.devices", shared, (reason,))
