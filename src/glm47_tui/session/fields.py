"""The fields of a profile as forms show them: where they live, what kind of value they hold.

Labels and help are the messages ``screens.field.<key>`` and ``screens.about.<key>``, where the key
is the path with ``_`` for dots.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from glm47_tui.i18n import Msg


@dataclass(frozen=True)
class Field:
    """One field. ``kind``: text, int, float, bool, choice, ints, words, pairs or json.

    ``choices`` are values; a None among them stands for "unset". A choice is named by the message
    ``screens.choice.<value>`` where there is one.
    """

    path: str
    kind: str = "text"
    choices: tuple[Any, ...] = ()

    @property
    def key(self) -> str:
        """The last part of this field's message ids."""
        return self.path.replace(".", "_").replace("[", "_").replace("]", "")


BASICS = (
    Field("name"),
    Field("model.repo"),
    Field("model.path"),
    Field("container.image"),
    Field("container.name"),
    Field("container.data_mount"),
    Field("language", "choice", (None, "zh_CN", "en")),
)

ADVANCED: dict[str, tuple[Field, ...]] = {
    "launch": (
        Field("launch.port", "int"),
        Field("launch.rpc_port", "int"),
        Field("launch.tensor_parallel", "int"),
        Field("launch.data_parallel_local", "int"),
        Field("launch.max_model_len", "int"),
        Field("launch.max_num_batched_tokens", "int"),
        Field("launch.max_num_seqs", "int"),
        Field("launch.gpu_memory_utilization", "float"),
        Field("launch.expert_parallel", "bool"),
        Field("launch.quantization", "choice", (None, "ascend")),
        Field("launch.parsers", "choice", ("patch", "plugin")),
        Field("launch.tool_call_parser"),
        Field("launch.reasoning_parser"),
        Field("launch.trust_remote_code", "bool"),
        Field("model.served_name"),
        Field("launch.host"),
        Field("launch.additional_config", "json"),
        Field("launch.env", "pairs"),
        Field("launch.extra_args", "words"),
    ),
    "container": (
        Field("container.data_mount_inside"),
        Field("container.shm_size"),
        Field("container.devices", "ints"),
    ),
    "improvements": (
        Field("improvements.shm_size", "bool"),
        Field("improvements.detached", "bool"),
        Field("improvements.drop_dead", "bool"),
    ),
    "limits": (
        Field("limits.connect_s", "int"),
        Field("limits.pull_min", "int"),
        Field("limits.download_h", "int"),
        Field("limits.peer_s", "int"),
        Field("limits.ready_min", "int"),
        Field("verify.level", "choice", ("full", "protocol")),
    ),
}

LOGIN = (
    Field("ssh.user"),
    Field("ssh.port", "int"),
    Field("ssh.auth", "choice", ("auto", "agent", "key", "password")),
    Field("ssh.identity"),
    Field("ssh.jump"),
    Field("ssh.sudo", "choice", (None, True, False)),
    Field("ssh.known_hosts"),
)

_WHOLE_AT = {
    "ports_equal": "launch.rpc_port",
    "npus": "launch.tensor_parallel",
    "devices_twice": "container.devices",
    "outside_mount": "model.path",
}
"""Where a problem of the profile as a whole is shown, by the last part of its message id."""


def node_fields(index: int) -> tuple[Field, ...]:
    """Return the fields of one node."""
    at = f"nodes[{index}]"
    return (
        Field(f"{at}.host"),
        Field(f"{at}.nic"),
        Field(f"{at}.ip"),
        Field(f"{at}.model_path"),
        Field(f"{at}.ssh.user"),
        Field(f"{at}.ssh.port", "int"),
        Field(f"{at}.ssh.auth", "choice", (None, "auto", "agent", "key", "password")),
        Field(f"{at}.ssh.identity"),
        Field(f"{at}.ssh.jump"),
    )


def problem_of(field: Field, problems: Mapping[str, Msg]) -> Msg | None:
    """Return what is wrong with a field, a part of it, or the whole as far as it is shown there."""
    for where, what in problems.items():
        if where == field.path or where.startswith((f"{field.path}[", f"{field.path}.")):
            return what
        if not where and _WHOLE_AT.get(what.id.rpartition(".")[2]) == field.path:
            return what
    return None


@cache
def default_of(path: str) -> Any:
    """Return the profile room's default of a field, None when it has none."""
    from glm47_tui.profile import Profile

    first, *rest = path.split(".")
    if first.startswith("nodes["):
        return None
    info = Profile.model_fields.get(first)
    value = None if info is None or info.is_required() else info.default
    for part in rest:
        value = getattr(value, part)
    return list(value) if isinstance(value, tuple) else value


def to_text(field: Field, value: Any) -> str:
    """Put a value into the text that a form shows."""
    if value is None or isinstance(value, str):
        return value or ""
    if field.kind in ("ints", "words") and isinstance(value, Iterable):
        words = [str(v) for v in value]
        return ",".join(words) if field.kind == "ints" else shlex.join(words)
    if field.kind == "pairs" and isinstance(value, Mapping):
        return shlex.join(f"{k}={v}" for k, v in value.items())
    if field.kind == "json":
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def to_value(field: Field, text: str) -> Any:
    """Read a form's text; what cannot be read stays text, so that the profile room says why."""
    text = text.strip()
    if not text:
        return None
    try:
        return _read(field.kind, text)
    except ValueError:
        return text


def _read(kind: str, text: str) -> Any:
    reader = _READERS.get(kind)
    return text if reader is None else reader(text)


def _ints(text: str) -> list[int]:
    return [int(word) for word in text.replace(",", " ").split()]


def _pairs(text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in shlex.split(text)]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError(text)
    return {name: value for name, _, value in pairs}


_READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "ints": _ints,
    "words": shlex.split,
    "pairs": _pairs,
    "json": json.loads,
}
