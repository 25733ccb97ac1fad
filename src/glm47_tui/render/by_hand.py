"""README.md and README.zh-CN.md of the folder for doing the job by hand."""

from __future__ import annotations

from typing import Any

from glm47_tui.profile import Profile
from glm47_tui.render.commands import commands, copy_lines, undo_commands
from glm47_tui.render.files import Rendered, RenderedFile
from glm47_tui.render.templates import fill

_READMES = {"README.md": "en", "README.zh-CN.md": "zh_CN"}
_SHARED = ("pull", "run", "download", "look", "try", "patch", "selftest")

_IMPROVEMENTS = {
    "en": {
        "shm_size": "`--shm-size` is passed (Docker's own 64 MB are too few for eight workers).",
        "detached": "the container starts detached (`-itd`), it needs no terminal.",
        "drop_dead": "settings that these versions do not read are left out.",
        "plugins": "the parsers are plugin files, nothing in the image is edited.",
        "token": "the download script holds no token and keeps none.",
    },
    "zh_CN": {
        "shm_size": "增加 `--shm-size`（Docker 默认仅 64 MB，八个 worker 不够用）。",
        "detached": "容器在后台启动（`-itd`），不占用终端。",
        "drop_dead": "去掉这些版本并不读取的设置。",
        "plugins": "解析器以插件文件提供，不改动镜像内的文件。",
        "token": "下载脚本中没有 token，也不会保存 token。",
    },
}


def readmes(profile: Profile, rendered: Rendered) -> tuple[RenderedFile, ...]:
    """Return both files; they are documents and land on no node."""
    return tuple(
        RenderedFile(
            path, fill(f"by_hand.{language}.md.j2", _values(profile, rendered, language)), None,
            0o644, "doc",
        )
        for path, language in _READMES.items()
    )  # fmt: skip


def _values(profile: Profile, rendered: Rendered, language: str) -> dict[str, Any]:
    nodes = [_node(profile, rendered, i) for i in range(len(profile.nodes))]
    undo = {c.id: c.text for c in undo_commands(profile, 0)}
    head = {c.id: c.text for c in commands(profile, 0)}
    return {
        "profile": profile.name,
        "nodes": nodes,
        "groups": _groups(nodes),
        "improvements": [_IMPROVEMENTS[language][name] for name in _improvements(profile)],
        "data_mount": profile.container.data_mount,
        "data_mount_inside": profile.container.data_mount_inside,
        "base": profile.base_dir,
        "inside": profile.base_dir_inside,
        "rpc_port": profile.launch.rpc_port,
        "wait": head.get("wait", ""),
        "verify": head["verify"],
        "revert": undo.get("revert", ""),
        "remove": undo["remove"],
        "clean": undo["clean"],
    }


def _improvements(profile: Profile) -> list[str]:
    out = [name for name, on in profile.improvements.model_dump().items() if on]
    if profile.launch.parsers == "plugin":
        out.append("plugins")
    return [*out, "token"]


def _node(profile: Profile, rendered: Rendered, index: int) -> dict[str, Any]:
    node = profile.nodes[index]
    texts = {c.id: c.text for c in commands(profile, index)}
    texts |= {c.id: c.text for c in undo_commands(profile, index)}
    return {
        **texts,
        "number": index,
        "host": node.host,
        "nic": node.nic,
        "ip": node.ip,
        "model": profile.model_path(index),
        "copy": copy_lines(profile, index, rendered),
    }


def _groups(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put nodes with the same commands together."""
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for node in nodes:
        shared = {name: node.get(name, "") for name in _SHARED}
        group = groups.setdefault(tuple(shared.values()), {**shared, "nodes": []})
        group["nodes"].append(node["number"])
    return list(groups.values())
