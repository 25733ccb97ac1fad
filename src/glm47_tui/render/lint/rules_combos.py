"""Settings that are right alone and wrong together."""

from __future__ import annotations

from collections.abc import Iterator

from glm47_tui.render.launch import TOOL_PLUGIN, reasoning_parser
from glm47_tui.render.lint.context import ERROR, INFO, WARNING, Context
from glm47_tui.render.lint.note import LintNote
from glm47_tui.render.lint.script import Setting
from glm47_tui.render.lint.tables import closest


def ports(ctx: Context) -> Iterator[LintNote]:
    """The API's port and the rpc port on node 0."""
    rpc = ctx.script.flag("--data-parallel-rpc-port")
    api = ctx.script.flag("--port")
    if rpc and api and rpc.value == api.value:
        yield ctx.note("ports_equal", ERROR, rpc, port=rpc.value, fix=ctx.fix("ports_equal"))


def quantization(ctx: Context) -> Iterator[LintNote]:
    """--quantization ascend is for quantised weights, and they need it."""
    setting = ctx.script.flag("--quantization") or ctx.script.flag("-q")
    source = "vllm-ascend #6598; quant_config.py"
    if setting and ctx.quantized is False:
        yield ctx.note("quant_bf16", ERROR, setting, fix=ctx.fix("quant_bf16"), source=source)
    elif setting and ctx.quantized is None:
        yield ctx.note("quant_unsure", WARNING, setting, fix=ctx.fix("quant_bf16"), source=source)
    elif setting is None and ctx.quantized:
        yield ctx.note(
            "quant_missing", WARNING, "--quantization", fix=ctx.fix("quant_missing"),
            source="vllm-ascend GLM4.x tutorial",
        )  # fmt: skip


def mtp_full_graph(ctx: Context) -> Iterator[LintNote]:
    """MTP with a full graph on GLM: fixed in 0.13.0rc2."""
    speculative = ctx.script.flag("--speculative-config")
    method = str(ctx.json_flag("--speculative-config").get("method", ""))
    mode = str(ctx.json_flag("--compilation-config").get("cudagraph_mode", ""))
    if speculative and "mtp" in method and mode.upper().startswith("FULL"):
        if ctx.ascend_before("0.13.0rc2"):
            yield ctx.note(
                "mtp_full_graph", ERROR, speculative, mode=mode, fix=ctx.fix("mtp_full_graph"),
                version=ctx.versions.vllm_ascend, source="vllm-ascend #5460, #6598",
            )  # fmt: skip
        else:
            yield ctx.note(
                "mtp_full_graph_later", INFO, speculative, mode=mode,
                version=ctx.versions.vllm_ascend, source="vllm-ascend #6598",
            )  # fmt: skip


def tool_parser(ctx: Context) -> Iterator[LintNote]:
    """The tool parser's name must be known to this vLLM, by the patch, or by the plugin."""
    setting = ctx.script.flag("--tool-call-parser")
    if setting is None:
        return
    known = ctx.facts.parsers or ctx.vllm.tool_parsers
    name = setting.value
    if name == "glm47":
        patched = ctx.profile.launch.parsers == "patch"
        plugin = any(x.value.endswith(TOOL_PLUGIN) for x in ctx.script.flags)
        if "glm47" in known:
            yield ctx.note("parser_builtin", INFO, setting, fix=ctx.fix("parser_builtin"))
        elif not (patched or plugin):
            source = "vLLM 0.13.0 api_server.py"
            yield ctx.note("parser_missing", ERROR, setting, value=name, source=source)
    elif name not in known and not _other_plugin(ctx, "--tool-parser-plugin"):
        near = closest(name, {*known, "glm47"}) or "glm47"
        yield ctx.note(
            "parser_unknown", ERROR, setting, value=name, fix=ctx.fix("parser_unknown", near=near),
            source=f"vLLM {ctx.vllm.version} tool_parsers/__init__.py",
        )  # fmt: skip
    else:
        yield ctx.note(
            "parser_other", WARNING, setting, value=name, fix=ctx.fix("parser_other", near="glm47"),
            source="vLLM 0.13.0 glm4_moe_tool_parser.py",
        )  # fmt: skip


def thinking_parser(ctx: Context) -> Iterator[LintNote]:
    """The reasoning parser's name, likewise."""
    setting = ctx.script.flag("--reasoning-parser")
    if setting is None:
        return
    name = setting.value
    wanted = "glm47" if ctx.profile.launch.parsers == "plugin" else "glm45"
    if name == wanted == reasoning_parser(ctx.profile):
        return
    if name not in ctx.vllm.reasoning_parsers and not _other_plugin(
        ctx, "--reasoning-parser-plugin"
    ):
        yield ctx.note(
            "parser_unknown", ERROR, setting, value=name,
            fix=ctx.fix("parser_unknown", near=wanted),
            source=f"vLLM {ctx.vllm.version} reasoning/__init__.py",
        )  # fmt: skip
    elif name == "deepseek_r1":
        yield ctx.note(
            "parser_r1", WARNING, setting, fix=ctx.fix("parser_other", near=wanted),
            source="vllm #33348",
        )  # fmt: skip
    elif name != "glm45":
        yield ctx.note(
            "parser_other", WARNING, setting, value=name,
            fix=ctx.fix("parser_other", near=wanted), source="vllm #33348, PR #33349",
        )  # fmt: skip


def _other_plugin(ctx: Context, flag: str) -> bool:
    """Whether the user brought a plugin of their own, whose names nobody knows here."""
    setting = ctx.script.flag(flag)
    return bool(setting) and flag in ctx.profile.launch.extra_args


def scheduling(ctx: Context) -> Iterator[LintNote]:
    """Token and request limits that vLLM refuses together."""
    tokens = ctx.script.flag("--max-num-batched-tokens")
    batched, seqs = (
        ctx.script.number("--max-num-batched-tokens"),
        ctx.script.number("--max-num-seqs"),
    )
    length = ctx.script.number("--max-model-len")
    source = f"vLLM {ctx.vllm.version} config/scheduler.py"
    if tokens is None or batched is None:
        return
    if seqs is not None and batched < seqs:
        yield ctx.note("batched_seqs", ERROR, tokens, batched=batched, seqs=seqs, source=source)
    chunked = ctx.script.flag("--no-enable-chunked-prefill") is None
    if length is not None and not chunked and batched < length:
        yield ctx.note(
            "batched_length", ERROR, tokens, batched=batched, length=length, source=source
        )


def shared_memory(ctx: Context) -> Iterator[LintNote]:
    """No --shm-size: Docker's 64 MB (errata 8)."""
    if ctx.script.node == 0 and "--shm-size=" not in ctx.docker_run:
        line = ctx.docker_run.splitlines().index("docker run \\") + 1
        yield ctx.note(
            "shm_off", WARNING, Setting("--shm-size", (), line), fix=ctx.fix("shm_off"),
            file="scripts/docker_run.sh", source="vllm-ascend PR #3519",
        )  # fmt: skip


def ipv6(ctx: Context) -> Iterator[LintNote]:
    """IPv6 nodes, and an API that listens on IPv4 alone."""
    host = ctx.script.flag("--host")
    if host and host.value == "0.0.0.0" and ":" in ctx.profile.head.ip:  # noqa: S104
        yield ctx.note("host_ipv4", WARNING, host, fix=ctx.fix("host_ipv4"))


def maturity(ctx: Context) -> Iterator[LintNote]:
    """What the vendor says of GLM-4.7 with this version, on several hosts."""
    if ctx.script.node == 0 and len(ctx.profile.nodes) > 1 and ctx.ascend_before("0.16.0rc1"):
        source = "vllm-ascend GLM4.x page v0.13.0; PR #6872"
        version = ctx.versions.vllm_ascend
        yield ctx.note("multi_node", INFO, "vllm-ascend", version=version, source=source)


def assumed(ctx: Context) -> Iterator[LintNote]:
    """Versions nobody named, or without a table."""
    if ctx.script.node != 0:
        return
    image = ctx.profile.container.image
    if ctx.versions.assumed:
        yield ctx.note(
            "version_assumed", INFO, "image", image=image, version=ctx.versions.vllm_ascend
        )
    for table in (ctx.vllm, ctx.ascend):
        version = ctx.versions.of(table.package)
        if table.version != version:
            yield ctx.note("version_near", INFO, table.package, version=version, near=table.version)


RULES = (
    ports, quantization, mtp_full_graph, tool_parser, thinking_parser, scheduling, shared_memory,
    ipv6, maturity, assumed,
)  # fmt: skip
