"""Flags of ``vllm serve``: known, used as they are meant, not against the profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from glm47_tui.render.lint.context import ERROR, WARNING, Context
from glm47_tui.render.lint.note import LintNote
from glm47_tui.render.lint.tables import Flag, closest

PROFILE_FIELDS = {
    "--host": "launch.host",
    "--port": "launch.port",
    "--data-parallel-size": "nodes",
    "--data-parallel-size-local": "launch.data_parallel_local",
    "--data-parallel-address": "nodes",
    "--data-parallel-start-rank": "nodes",
    "--data-parallel-rpc-port": "launch.rpc_port",
    "--headless": "nodes",
    "--tensor-parallel-size": "launch.tensor_parallel",
    "--enable-expert-parallel": "launch.expert_parallel",
    "--tool-call-parser": "launch.tool_call_parser",
    "--reasoning-parser": "launch.reasoning_parser",
    "--served-model-name": "model.served_name",
    "--max-model-len": "launch.max_model_len",
    "--max-num-batched-tokens": "launch.max_num_batched_tokens",
    "--max-num-seqs": "launch.max_num_seqs",
    "--trust-remote-code": "launch.trust_remote_code",
    "--gpu-memory-utilization": "launch.gpu_memory_utilization",
    "--additional-config": "launch.additional_config",
    "--quantization": "launch.quantization",
}
"""Flags the tool writes itself, and the field that says what."""

SECRETS = ("--api-key", "--hf-token")
SOURCE = "vLLM {} arg_utils.py, cli_args.py"


def known(ctx: Context) -> Iterator[LintNote]:
    """Flags that this vLLM does not have, or gives up."""
    source = SOURCE.format(ctx.vllm.version)
    for setting in ctx.script.flags:
        flag = ctx.vllm.find_flag(setting.name)
        if flag is None:
            near = closest(setting.name.replace("_", "-"), ctx.vllm.flags)
            fix = ctx.fix("flag_unknown", near=near) if near else None
            yield ctx.note(
                "flag_unknown", ERROR, setting, fix=fix, source=source, version=ctx.vllm.version
            )
        elif flag.deprecated:
            yield ctx.note("flag_deprecated", WARNING, setting, source=source)


def values(ctx: Context) -> Iterator[LintNote]:
    """Flags with too few or too many values; words that belong to no flag."""
    for setting in ctx.script.flags:
        flag = ctx.vllm.find_flag(setting.name)
        if flag is None or "." in setting.name:
            continue
        rule = _misused(flag, len(setting.values))
        if rule:
            yield ctx.note(rule, ERROR, setting, value=" ".join(setting.values))
    for stray in ctx.script.strays:
        yield ctx.note("word_stray", ERROR, stray)


def _misused(flag: Flag, count: int) -> str:
    if flag.kind in ("bool", "none"):
        return "flag_no_value" if count else ""
    if flag.kind in ("list", "maybe"):
        return "flag_many" if flag.kind == "maybe" and count > 1 else ""
    if count == 0:
        return "flag_needs_value"
    return "flag_many" if count > 1 else ""


def twice(ctx: Context) -> Iterator[LintNote]:
    """Flags given more than once: the last one counts. One of the tool's own has a field."""
    names = [_canonical(ctx, s.name) for s in ctx.script.flags]
    counts = Counter(name for name in names if "." not in name)
    last = dict(zip(names, ctx.script.flags, strict=True))
    for name, count in counts.items():
        if count < 2:
            continue
        if name in PROFILE_FIELDS:
            fix = ctx.fix("flag_field", field=PROFILE_FIELDS[name])
            yield ctx.note("flag_field", ERROR, last[name], fix=fix, field=PROFILE_FIELDS[name])
        else:
            yield ctx.note("flag_twice", WARNING, last[name])


def _canonical(ctx: Context, name: str) -> str:
    flag = ctx.vllm.find_flag(name)
    return flag.name if flag and "." not in name else name


def per_node(ctx: Context) -> Iterator[LintNote]:
    """Flags of data parallel that the tool works out for each node, given by hand."""
    own = set(ctx.profile.launch.extra_args)
    for setting in ctx.script.flags:
        name = _canonical(ctx, setting.name)
        if name in PROFILE_FIELDS and PROFILE_FIELDS[name] == "nodes" and setting.name in own:
            fix = ctx.fix("flag_per_node")
            yield ctx.note("flag_per_node", ERROR, setting, fix=fix)


def secrets(ctx: Context) -> Iterator[LintNote]:
    """A secret as an argument stands in a file on every node, and in every list of processes."""
    for setting in ctx.script.flags:
        if _canonical(ctx, setting.name) in SECRETS and setting.values:
            yield ctx.note("secret_flag", ERROR, setting, fix=ctx.fix("secret_flag"))


RULES = (known, values, twice, per_node, secrets)
