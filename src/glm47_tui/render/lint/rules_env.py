"""Environment variables of the launch: read, spelled right, not against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from glm47_tui.i18n import Msg
from glm47_tui.render.known import cann_names, unread_env
from glm47_tui.render.lint.context import ERROR, INFO, WARNING, Context
from glm47_tui.render.lint.note import LintNote
from glm47_tui.render.lint.tables import closest

NAMES = {"vllm": "vLLM", "vllm_ascend": "vllm-ascend"}

PER_NODE = ("HCCL_IF_IP", "GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME", "HCCL_SOCKET_IFNAME")
"""Each node has its own value of these: the launch script sets them from the profile's nodes."""


def dead(ctx: Context) -> Iterator[LintNote]:
    """Variables these versions do not read (errata 11)."""
    for known in unread_env():
        setting = ctx.script.variable(known.name)
        if setting and known.dead_in(ctx.versions):
            yield ctx.note(
                "env_dead", WARNING, setting, source=known.source,
                fix=Msg.of(f"lint.instead.{known.name.lower()}"),
                package=NAMES[known.package], version=ctx.versions.of(known.package),
            )  # fmt: skip


def unknown(ctx: Context) -> Iterator[LintNote]:
    """VLLM_ variables that nobody reads; near misses of CANN's and HCCL's names."""
    known = {x.name for x in unread_env()}
    read = ctx.vllm.env | ctx.ascend.env
    for setting in ctx.script.env:
        if setting.name in known or setting.name in read:
            continue
        if setting.name.startswith("VLLM_"):
            near = closest(setting.name, read)
            yield ctx.note(
                "env_unknown", WARNING, setting,
                fix=ctx.fix("env_unknown", near=near) if near else None,
                source=f"vLLM {ctx.vllm.version}, vllm-ascend {ctx.ascend.version}",
                vllm=ctx.vllm.version, ascend=ctx.ascend.version,
            )  # fmt: skip
        elif setting.name not in cann_names():
            near = closest(setting.name, cann_names(), 0.9)
            if near:
                yield ctx.note(
                    "env_typo", WARNING, setting, fix=ctx.fix("env_unknown", near=near), near=near
                )


def per_node(ctx: Context) -> Iterator[LintNote]:
    """One value for all nodes where each needs its own."""
    for name in PER_NODE:
        if name in ctx.profile.launch.env:
            setting = ctx.script.variable(name)
            yield ctx.note("env_per_node", ERROR, setting or name, fix=ctx.fix("env_per_node"))


def secrets(ctx: Context) -> Iterator[LintNote]:
    """A secret would stand in a file on every node."""
    for setting in ctx.script.env:
        if re.search(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_KEY|ACCESS_KEY)$", setting.name):
            yield ctx.note("secret_env", ERROR, setting, fix=ctx.fix("secret_env"))


def numbers(ctx: Context) -> Iterator[LintNote]:
    """Values that cannot be read."""
    buffer = ctx.script.variable("HCCL_BUFFSIZE")
    if buffer and not re.fullmatch(r"[1-9][0-9]*", buffer.value):
        yield ctx.note("hccl_buffsize", ERROR, buffer, value=buffer.value)
    layout = ctx.script.variable("VLLM_ASCEND_ENABLE_NZ")
    if layout and layout.value not in ("0", "1", "2"):
        yield ctx.note("nz_value", ERROR, layout, value=layout.value, source="vllm-ascend envs.py")


def modes(ctx: Context) -> Iterator[LintNote]:
    """Debug and expansion modes against graph mode."""
    eager = ctx.script.flag("--enforce-eager") is not None
    blocking = ctx.script.variable("ASCEND_LAUNCH_BLOCKING")
    if blocking and blocking.value not in ("", "0") and not eager:
        yield ctx.note(
            "launch_blocking", ERROR, blocking, fix=ctx.fix("launch_blocking"),
            source="vllm-ascend platform.py v0.13.0rc1",
        )  # fmt: skip
    expansion = ctx.script.variable("HCCL_OP_EXPANSION_MODE")
    if not eager and (expansion is None or expansion.value != "AIV"):
        yield ctx.note(
            "expansion_mode", INFO, expansion or "HCCL_OP_EXPANSION_MODE",
            fix=ctx.fix("expansion_mode"), source="vllm-ascend FAQ 18 (v0.13.0rc1)",
        )  # fmt: skip


def fused_mc2(ctx: Context) -> Iterator[LintNote]:
    """VLLM_ASCEND_ENABLE_FUSED_MC2=1: W8A8 only, at most 16 NPUs of experts, no MTP."""
    setting = ctx.script.variable("VLLM_ASCEND_ENABLE_FUSED_MC2")
    if setting is None or setting.value in ("", "0"):
        return
    npus = ctx.profile.data_parallel * ctx.profile.launch.tensor_parallel
    mtp = bool(ctx.json_flag("--speculative-config"))
    if ctx.quantized is not True or (setting.value == "1" and (npus > 16 or mtp)):
        yield ctx.note(
            "fused_mc2", WARNING, setting, fix=ctx.fix("fused_mc2"), npus=npus,
            source="vllm-ascend envs.py v0.13.0rc1",
        )  # fmt: skip


RULES = (dead, unknown, per_node, secrets, numbers, modes, fused_mc2)
