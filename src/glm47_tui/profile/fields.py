"""Field types of a profile. Whatever ends up in a script is held to a safe alphabet here.

Each validator raises :class:`PydanticCustomError` whose *type* is the rest of a message id
(``profile.bad.<type>``), so that the words come from the catalogs.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

NIC_MAX = 15
"""Linux: IFNAMSIZ is 16 with the closing NUL."""


def bad(kind: str, **ctx: Any) -> PydanticCustomError:
    """Build the error whose words are the message ``profile.bad.<kind>``."""
    return PydanticCustomError(kind, kind, ctx or None)


def _script_safe(value: str) -> str:
    """Refuse what could end a quoted word in a script: quotes, newlines, $, `, backslash."""
    found = re.search(r"[\x00-\x1f\x7f'\"`$\\]", value)
    if found:
        raise bad("unsafe", char=repr(found.group())[1:-1], value=repr(value[:60])[1:-1])
    return value


def _word_safe(value: str) -> str:
    """As above, but double quotes may stand in it: such a word is put between single quotes."""
    _script_safe(value.replace('"', ""))
    return value


def _pattern(kind: str, regex: str) -> Callable[[str], str]:
    compiled = re.compile(regex)

    def check(value: str) -> str:
        _script_safe(value)
        if not compiled.fullmatch(value):
            raise bad(kind, value=value[:80])
        return value

    return check


def _abs_path(value: str) -> str:
    _script_safe(value)
    if not value.startswith("/"):
        raise bad("path_relative", value=value)
    if re.search(r"[\s:,;&|<>*?(){}\[\]!#~]", value):
        raise bad("path_chars", value=value)
    if ".." in value.split("/"):
        raise bad("path_dots", value=value)
    return posixpath.normpath(value).replace("//", "/")


def _ip(value: str) -> str:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        raise bad("ip", value=value[:80]) from None
    if getattr(address, "scope_id", None) is not None:
        # Any text may follow the %, and no engine listens on an address of one link.
        raise bad("ip_zone", value=repr(value[:80])[1:-1])
    if address.is_unspecified or address.is_multicast:
        raise bad("ip_kind", value=value)
    return str(address)


def _host(value: str) -> str:
    _script_safe(value)
    value = value.strip()
    address, _, zone = value.partition("%")
    try:
        found = str(ipaddress.ip_address(address))
    except ValueError:
        pass
    else:
        if zone and ":" in found and not re.fullmatch(r"[A-Za-z0-9._-]+", zone):
            raise bad("host", value=value[:80])
        if not zone:
            return found
        if ":" in found:
            return f"{found}%{zone}"
    label = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    looks_like_ip = re.fullmatch(r"[0-9.]+", value) is not None
    if looks_like_ip or len(value) > 253 or not re.fullmatch(rf"{label}(\.{label})*", value):
        raise bad("host", value=value[:80])
    return value


def _nic(value: str) -> str:
    _script_safe(value)
    if len(value) > NIC_MAX:
        raise bad("nic_long", value=value[:80], length=len(value), most=NIC_MAX)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]*", value):
        raise bad("nic", value=value[:80])
    return value


def _jump(value: str) -> str:
    split_jump(value)
    return value


def split_jump(value: str) -> tuple[str | None, str, int]:
    """Return (user or None, host, port) of ``user@host:port``; IPv6 hosts in brackets.

    Raises PydanticCustomError when the text is not of that form.
    """
    found = re.fullmatch(r"(?:([^@\s]+)@)?(\[[0-9A-Fa-f:.]+\]|[^:@\s]+)(?::(\d{1,5}))?", value)
    if not found:
        raise bad("jump", value=value[:80])
    user, host, port = found.groups()
    number = int(port) if port else 22
    if not 0 < number < 65536:
        raise bad("port", value=number)
    return (_user(user) if user else None), _host(host.strip("[]")), number


_user = _pattern("user", r"[A-Za-z_][A-Za-z0-9_.@\\-]{0,63}\$?")


def _local_path(value: str) -> str:
    if not value.strip() or re.search(r"[\x00-\x1f]", value):
        raise bad("local_path", value=value[:80])
    return value


def _memory_size(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(b|k|m|g|kb|mb|gb)", value.lower()):
        raise bad("size", value=value[:40])
    return value.lower()


# Strict: to pydantic `true` would be the number 1 and "22" a port; in a file either is a mistake.
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]
ScriptText = Annotated[str, AfterValidator(_script_safe)]
ScriptWord = Annotated[str, AfterValidator(_word_safe)]
AbsPath = Annotated[str, AfterValidator(_abs_path)]
IpAddress = Annotated[str, AfterValidator(_ip)]
Host = Annotated[str, AfterValidator(_host)]
Nic = Annotated[str, AfterValidator(_nic)]
Jump = Annotated[str, AfterValidator(_jump)]
User = Annotated[str, AfterValidator(_user)]
LocalPath = Annotated[str, AfterValidator(_local_path)]
MemorySize = Annotated[str, AfterValidator(_memory_size)]
Port = Annotated[Whole, Field(ge=1, le=65535)]
ProfileName = Annotated[str, AfterValidator(_pattern("name", r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"))]
ContainerName = Annotated[
    str, AfterValidator(_pattern("container", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,126}"))
]
ImageRef = Annotated[
    str,
    AfterValidator(
        _pattern(
            "image", r"(sha256:)?[a-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?(@sha256:[0-9a-f]{64})?"
        )
    ),
]
RepoId = Annotated[
    str, AfterValidator(_pattern("repo", r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"))
]
ServedName = Annotated[
    str, AfterValidator(_pattern("served", r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}"))
]
EnvName = Annotated[str, AfterValidator(_pattern("env_name", r"[A-Za-z_][A-Za-z0-9_]*"))]
