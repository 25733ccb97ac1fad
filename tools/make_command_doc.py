#!/usr/bin/env python3
"""Writes docs/commands.md and docs/commands.zh-CN.md from the help of every command.

Run it after an option was added or reworded: ``python tools/make_command_doc.py``. A test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from glm47_tui.cli.main import root
from glm47_tui.i18n import set_language

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 100
INTROS = {
    "en": """\
# Commands

[中文](commands.zh-CN.md)

What `--help` says of every command, on one page (`tools/make_command_doc.py` writes it). `--lang`
may stand anywhere. Exit codes are explained in [deploy.md](deploy.md#exit-codes); `check` ends
with 4 at a blocker, `diagnose` when it has found a cause.

| environment | for |
|---|---|
| `GLM47_TUI_HOME` | folder of profiles, drafts, known hosts and journals, instead of the platform's |
| `GLM47_TUI_PASSWORD`, `GLM47_TUI_SUDO_PASSWORD`, `GLM47_TUI_PASSPHRASE`, `MODELSCOPE_API_TOKEN` | secrets ([deploy.md](deploy.md#secrets)) |
| `LC_ALL`, `LC_MESSAGES`, `LANG` | language, after `--lang` and the profile |
| `VISUAL`, `EDITOR` | `profile edit` |
| `PAGER` | the monitor's key `o` |
| `NO_COLOR` | the wizard and the monitor without colours |
""",
    "zh_CN": """\
# 命令

[English](commands.md)

每个命令的 `--help` 内容汇总（由 `tools/make_command_doc.py` 生成）。`--lang` 可以放在任意位置。退出码的含义见
[deploy.zh-CN.md](deploy.zh-CN.md#退出码)；`check` 有阻断项、`diagnose` 找到原因时退出码为 4。

| 环境变量 | 用途 |
|---|---|
| `GLM47_TUI_HOME` | 存放配置、草稿、已知主机和日志记录的目录，代替平台默认目录 |
| `GLM47_TUI_PASSWORD`、`GLM47_TUI_SUDO_PASSWORD`、`GLM47_TUI_PASSPHRASE`、`MODELSCOPE_API_TOKEN` | 口令（[deploy.zh-CN.md](deploy.zh-CN.md#口令)） |
| `LC_ALL`、`LC_MESSAGES`、`LANG` | 语言，次于 `--lang` 和配置 |
| `VISUAL`、`EDITOR` | `profile edit` 使用的编辑器 |
| `PAGER` | 监控界面中 `o` 键使用的分页器 |
| `NO_COLOR` | 向导与监控不使用颜色 |
""",
}


def commands(group: click.Group, parent: click.Context) -> Iterator[click.Context]:
    """Yield every command below a group, a group before its own."""
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None:
            raise LookupError(name)
        here = command.context_class(command, info_name=name, parent=parent)
        here.max_content_width = here.terminal_width = WIDTH
        yield here
        if isinstance(command, click.Group):
            yield from commands(command, here)


def page(lang: str) -> str:
    """Return the page in one language."""
    set_language(lang)
    try:
        top = root.context_class(root, info_name="glm47-tui", help_option_names=["-h", "--help"])
        top.max_content_width = top.terminal_width = WIDTH
        parts = [INTROS[lang]]
        for here in [top, *commands(root, top)]:
            name = here.command_path.removeprefix("glm47-tui").strip() or "glm47-tui"
            text = here.get_help().strip()
            parts.append(f"## {name}\n\n```text\n{text}\n```\n")
        return "\n".join(parts)
    finally:
        set_language("en")


def main() -> None:
    """Write both pages."""
    for lang, name in (("en", "commands.md"), ("zh_CN", "commands.zh-CN.md")):
        (DOCS / name).write_text(page(lang), encoding="utf-8")


if __name__ == "__main__":
    main()
