"""Keys of --additional-config, and JSON that is none.

vllm-ascend ignores keys it does not know, in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from glm47_tui.i18n import Msg
from glm47_tui.render.known import unread_keys
from glm47_tui.render.lint.context import ERROR, WARNING, Context
from glm47_tui.render.lint.note import LintNote
from glm47_tui.render.lint.script import Setting
from glm47_tui.render.lint.tables import closest

FLAG = "--additional-config"


def valid_json(ctx: Context) -> Iterator[LintNote]:
    """Flags that want JSON."""
    for setting in ctx.script.flags:
        flag = ctx.vllm.find_flag(setting.name)
        if flag is None or flag.kind != "json" or "." in setting.name or not setting.values:
            continue
        try:
            value = json.loads(setting.value)
        except ValueError as error:
            yield ctx.note("bad_json", ERROR, setting, detail=str(error))
            continue
        if not isinstance(value, dict):
            yield ctx.note("bad_json", ERROR, setting, detail=type(value).__name__)


def keys(ctx: Context) -> Iterator[LintNote]:
    """Keys that are read no longer, not yet, or never (errata 10)."""
    setting = ctx.script.flag(FLAG)
    if setting is None:
        return
    unread = {x.name: x for x in unread_keys()}
    for name, value in ctx.json_flag(FLAG).items():
        at = Setting(name, (), setting.line)
        if name in unread and unread[name].dead_in(ctx.versions):
            yield ctx.note(
                "key_dead", WARNING, at, fix=Msg.of(f"lint.instead.{name}"),
                source=unread[name].source, version=ctx.versions.vllm_ascend,
            )  # fmt: skip
        elif name not in ctx.ascend.keys:
            yield _unknown(ctx, at, ctx.ascend.keys)
        else:
            yield from _below(ctx, at, value)


def _below(ctx: Context, at: Setting, value: Any) -> Iterator[LintNote]:
    read = ctx.ascend.keys[at.name]
    if not read or not isinstance(value, dict):
        return
    for name in value:
        if name not in read:
            inner = Setting(f"{at.name}.{name}", (), at.line)
            yield _unknown(ctx, inner, [f"{at.name}.{x}" for x in read])


def _unknown(ctx: Context, at: Setting, names: Any) -> LintNote:
    near = closest(at.name, names)
    return ctx.note(
        "key_unknown", WARNING, at, fix=ctx.fix("key_unknown", near=near) if near else None,
        source=f"vllm-ascend {ctx.ascend.version} ascend_config.py", version=ctx.ascend.version,
    )  # fmt: skip


def shared_expert(ctx: Context) -> Iterator[LintNote]:
    """enable_shared_expert_dp: its page says DeepSeek only."""
    setting = ctx.script.flag(FLAG)
    if setting and ctx.json_flag(FLAG).get("enable_shared_expert_dp"):
        at = Setting("enable_shared_expert_dp", (), setting.line)
        source = "vllm-ascend additional_config page v0.13.0rc1"
        yield ctx.note("shared_expert_dp", WARNING, at, source=source)


RULES = (valid_json, keys, shared_expert)
