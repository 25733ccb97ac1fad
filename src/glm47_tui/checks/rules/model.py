"""The weights: there, whole, the right ones, and small enough."""

from __future__ import annotations

from glm47_tui.checks import fit
from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, block, check, info, ok, unknown, warn
from glm47_tui.checks.views import FleetView, NodeView
from glm47_tui.node.weights import ModelOnDisk

ARCHITECTURE = "Glm4MoeForCausalLM"
GB = 10**9
GIB = fit.GIB


def _model(node: NodeView) -> ModelOnDisk | None:
    found = node.facts.model
    return found if found is not None and found.exists else None


def _giver(node: NodeView) -> int | None:
    """Return another node that has the whole model; None when none does."""
    for i in node.peers:
        theirs = node.evidence.facts.get(i)
        if theirs and theirs.model and theirs.model.complete:
            return i
    return None


def copy_command(node: NodeView, giver: int) -> str:
    """Return the line that copies the model from another node, to be run on this one."""
    spec, ssh = node.profile.nodes[giver], node.profile.node_ssh(giver)
    path = node.profile.model_path(node.index)
    port = f" -e 'ssh -p {ssh.port}'" if ssh.port != 22 else ""
    theirs = node.profile.model_path(giver)
    return f"rsync -a --info=progress2{port} {ssh.user}@{spec.ip}:{theirs}/ {path}/"


@check("model.present", src.GUIDE_MODEL, needs="model")
def present(node: NodeView) -> Answer:
    """The model folder is there."""
    path = node.profile.model_path(node.index)
    if _model(node) is not None:
        return ok(path=path)
    other = next((m for m in node.facts.models if m.complete and m.config
                  and m.config.architecture == ARCHITECTURE), None)  # fmt: skip
    if other is not None:
        return warn("elsewhere", fix="fix_elsewhere", path=path, other=other.path)
    giver = _giver(node)
    if giver is not None:
        return warn("copy", fix="fix_copy", path=path, other=giver,
                    command=copy_command(node, giver))  # fmt: skip
    return warn("absent", path=path, repo=node.profile.model.repo)


@check("model.complete", src.MODEL_INDEX, needs="model")
def complete(node: NodeView) -> Answer:
    """Every file of the index is there, and the sizes add up."""
    model = _model(node)
    if model is None:
        return None
    if model.complete:
        return ok(count=len(model.shards), size=model.weight_bytes / GB)
    giver = _giver(node)
    command = copy_command(node, giver) if giver is not None else f"ls -la {model.path}"
    return _lack(model, command)


def _lack(model: ModelOnDisk, command: str) -> Says:
    """Say what a model folder lacks."""
    path, size = model.path, model.weight_bytes / GB
    if model.config is None:
        return warn("no_config", path=path, command=command)
    if not model.shards:
        return warn("no_index", path=path, command=command)
    if model.pointers:
        shown = ", ".join(sorted(model.pointers)[:3])
        return warn("pointers", fix="fix_pointers", count=len(model.pointers), files=shown,
                    path=path, command=command)  # fmt: skip
    if model.missing:
        shown = ", ".join(model.missing[:3]) + (", ..." if len(model.missing) > 3 else "")
        variant = "downloading" if model.downloading else "missing"
        return warn(variant, count=len(model.missing), total=len(model.shards), files=shown,
                    path=path, command=command)  # fmt: skip
    return warn("short", lack=model.short_bytes / GB, size=size, path=path, command=command)


@check("model.architecture", src.MODEL_CONFIG, needs="model")
def architecture(node: NodeView) -> Answer:
    """It is a GLM-4.x MoE model."""
    model = _model(node)
    if model is None or model.config is None:
        return None
    found = model.config.architecture or "-"
    return ok(found=found) if found == ARCHITECTURE else warn(found=found, want=ARCHITECTURE)


@check("model.quantization", src.GUIDE_LAUNCH, needs="model")
def quantization(node: NodeView) -> Answer:
    """--quantization ascend with W8A8 weights, and only then."""
    model = _model(node)
    if model is None or model.config is None:
        return None
    wanted = node.profile.launch.quantization == "ascend"
    if model.ascend and not wanted:
        return block("flag_missing", fix="fix_flag_missing", path=model.path)
    if wanted and not model.ascend:
        return block("flag_wrong", fix="fix_flag_wrong", path=model.path)
    if model.config.quantised and not model.ascend:
        return warn("foreign", fix="fix_foreign", path=model.path)
    return ok("w8a8" if model.ascend else "ok")


@check("model.context", src.MODEL_CONFIG, needs="model")
def context(node: NodeView) -> Answer:
    """--max-model-len is within what the model was made for."""
    model = _model(node)
    most = model.config.max_positions if model and model.config else None
    if most is None:
        return None
    want = node.profile.launch.max_model_len
    return ok(want=want, most=most) if want <= most else block(want=want, most=most)


@check("model.room", src.GUIDE_MODEL, needs=("model", "disk"))
def room(node: NodeView) -> Answer:
    """The disk has room for what is still missing of the weights."""
    model = node.facts.model
    if model is not None and model.complete:
        return None
    path = node.profile.model_path(node.index)
    disk = node.facts.disk(path)
    if disk is None or disk.free is None:
        return unknown()
    total = model.total_size if model is not None else None
    if total is None and node.profile.model.repo.lower().endswith("/glm-4.7"):
        total = fit.GLM47_TOTAL
    if total is None:
        return info("size_unknown", free=disk.free / GB, mount=disk.mount)
    need = total - (model.weight_bytes if model is not None else 0)
    values = {"need": need / GB, "free": disk.free / GB, "mount": disk.mount}
    if disk.free < need:
        return block(**values, command=f"df -h {disk.mount}")
    return ok(**values)


def _hbm(fleet: FleetView) -> int | None:
    """Return the smallest HBM of any NPU of the profile, in MiB."""
    devices = fleet.profile.container.devices
    sizes = [
        n.hbm_total_mb
        for f in fleet.facts.values()
        for n in f.npu.npus
        if n.hbm_total_mb and n.device in devices
    ]
    return min(sizes, default=None)


def _plan(fleet: FleetView) -> fit.Plan | Says:
    hbm = _hbm(fleet)
    if hbm is None:
        return unknown("no_hbm")
    models = [f.model for f in fleet.facts.values() if f.model and f.model.exists]
    with_config = next((m for m in models if m.config), None)
    found = fit.plan(fleet.profile, with_config, hbm)
    return found if found is not None else unknown("no_config")


@check("model.weights_fit", src.MODEL_CONFIG, fleet=True)
def weights_fit(fleet: FleetView) -> Answer:
    """Each NPU's share of the weights fits into what vLLM may use of its HBM."""
    found = _plan(fleet)
    if isinstance(found, Says):
        return found
    launch = fleet.profile.launch
    values = {
        "weights": found.weights / GIB,
        "budget": found.budget / GIB,
        "capacity": found.capacity / GIB,
        "ranks": found.ranks,
        "tp": launch.tensor_parallel,
        "share": launch.gpu_memory_utilization,
    }
    if found.weights > found.budget:
        # Without expert parallelism vLLM's own split is not documented: no certainty, no blocker.
        return (block if launch.expert_parallel else warn)("too_big", **values)
    return ok("assumed" if found.assumed else "ok", **values)


@check("model.kv_room", src.VLLM_CONFIG, fleet=True)
def kv_room(fleet: FleetView) -> Answer:
    """What is left holds the KV cache of at least one request of full length."""
    found = _plan(fleet)
    if isinstance(found, Says):
        return found
    if found.weights > found.budget:
        return None  # model.weights_fit speaks of it
    values = {
        "low": max(0, found.kv_low) / GIB,
        "high": max(0, found.kv_high) / GIB,
        "need": found.need / GIB,
        "length": fleet.profile.launch.max_model_len,
        "tokens": found.tokens,
        "token": found.kv_token,
        "seqs": fleet.profile.launch.max_num_seqs,
    }
    if found.kv_high < found.need:
        return block("none", **values)
    if found.kv_low < found.need:
        return warn("tight", **values)
    return ok(**values)
