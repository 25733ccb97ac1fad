#!/usr/bin/env python3
"""Writes docs/profile.md and docs/profile.zh-CN.md from the models and the app's own words.

Run it after a field was added or reworded: ``python tools/make_profile_doc.py``. A test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from glm47_tui.i18n.catalog import catalog
from glm47_tui.profile import NodeSpec, Profile

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEADS = {
    "en": ("# The profile", "field", "default", "meaning", "needed"),
    "zh_CN": ("# 配置", "字段", "默认值", "含义", "必填"),
}
INTROS = {
    "en": """\
[中文](profile.zh-CN.md)

A profile is a TOML file: everything a deployment needs to know, and no secret. What is left out has
the default, which is the deployment guide's value. `glm47-tui profile validate FILE` says all that is
wrong at once, `profile schema` prints the JSON Schema for editors, `profile edit NAME` saves only
what holds. Saved profiles lie in the user's configuration folder (`GLM47_TUI_HOME` moves it), mode
0600, written whole or not at all.

`[[nodes]]` may name any number of hosts; the first is node 0, the head, which serves the API.
Fields of `[nodes.ssh]` are for that node alone and go before `[ssh]`. A number is written without
quotes, a switch as `true` or `false`; neither is taken for the other.
""",
    "zh_CN": """\
[English](profile.md)

配置是一个 TOML 文件，包含部署所需的全部信息，不含任何口令。未写出的字段取默认值，即部署指导中的值。
`glm47-tui profile validate FILE` 一次指出所有问题，`profile schema` 输出供编辑器使用的 JSON Schema，
`profile edit NAME` 只保存校验通过的内容。已保存的配置位于用户配置目录（可用 `GLM47_TUI_HOME` 指定），
权限 0600，要么完整写入，要么不写。

`[[nodes]]` 可以列出任意数量的主机；第一台是 node 0（主节点），提供 API。`[nodes.ssh]` 中的字段只对该节点
生效，优先于 `[ssh]`。数字不加引号，开关写 `true` 或 `false`，两者不会互相替代。
""",
}


OWN_WORDS = {
    "schema": "本文件格式的版本。",
    "accepted": "已阅读并接受的警告编号。",
    "ssh.host_keys": '预先核对过的主机密钥指纹，写作 `"主机:端口" = "SHA256:..."`。',
    "nodes[].host": "登录所用的主机名或地址。",
    "nodes[].nic": "业务地址所在网卡，即 `ip addr` 中显示的名称。",
    "nodes[].ip": "业务地址，节点之间通过它互访。",
    "nodes[].model_path": "本主机上的权重目录（与其他主机不同时填写）。",
    "nodes[].ssh.user": "本节点的登录用户。",
    "nodes[].ssh.port": "本节点的 SSH 端口。",
    "nodes[].ssh.auth": "本节点的登录方式。",
    "nodes[].ssh.identity": "本节点使用的私钥文件。",
    "nodes[].ssh.jump": "本节点的跳板机；留空表示不用。",
    "nodes[].ssh.sudo": "本节点是否通过 sudo 执行命令。",
}
"""Chinese words for fields that the app's forms do not show."""


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (path, default, English description) of every field."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation, f"{path}.")
        elif path != "nodes":
            default = "" if field.is_required() else json.dumps(field.default, default=list)
            yield path, default, field.description or ""


def words(lang: str, path: str, fallback: str) -> str:
    """Return the app's description of a field, else the model's own (English)."""
    key = path.replace("nodes[].", "node.").replace(".", "_")
    known = catalog(lang, "screens").get(f"screens.about.{key}")
    return known or (OWN_WORDS[path] if lang == "zh_CN" else fallback)


def page(lang: str) -> str:
    """Return the whole page."""
    title, *columns, needed = HEADS[lang]
    rows = [*fields(Profile), *fields(NodeSpec, "nodes[].")]
    lines = [title, "", INTROS[lang], f"| {' | '.join(columns)} |", "|---|---|---|"]
    for path, default, about in rows:
        shown = f"`{default}`" if default not in ("", "null") else (needed if not default else "-")
        text = words(lang, path, about).replace("|", "\\|")
        lines.append(f"| `{path}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both pages."""
    (DOCS / "profile.md").write_text(page("en"), encoding="utf-8")
    (DOCS / "profile.zh-CN.md").write_text(page("zh_CN"), encoding="utf-8")


if __name__ == "__main__":
    main()
