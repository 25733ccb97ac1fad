"""Values taken from log lines, as texts of the catalogue speak of them."""

from __future__ import annotations

import shlex
import string
from collections.abc import Mapping


class Found(str):
    """A value from a log line that may be absent.

    Log lines do not always carry what a text would like to say, so a text may put the words
    around a value into the placeholder itself: ``NPU{npu: *} ran out of memory`` has the value in
    place of ``*``, and nothing at all when there is no value. After ``|`` stands what is said
    then: ``{nic:the NIC *|a NIC}``.
    """

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self) or "?"
        said, _, otherwise = spec.partition("|")
        return said.replace("*", str(self)) if self else otherwise


def fields_of(text: str) -> dict[str, bool]:
    """Return the placeholders of a text; True where one can do without a value.

    ValueError when the text is no format string or uses conversions and attributes.
    """
    fields: dict[str, bool] = {}
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if conversion or not name.isidentifier():
            raise ValueError(text)
        fields[name] = fields.get(name, True) and bool(spec)
    return fields


def fill_command(command: str, values: Mapping[str, str]) -> str:
    """Return a command with values from the log, quoted for a shell; ``<name>`` where unknown.

    What stands in a log was written by anybody: it is never pasted into a command unquoted.
    """
    known = {name: shlex.quote(values[name]) for name in values if values[name]}
    return command.format_map(_Known(known))


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"
