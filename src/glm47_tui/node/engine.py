"""Flags of ``vllm serve``: those of an engine that runs, and those the profile asks for.

A running engine's are its command line as the kernel shows it, the profile's are the words of the
launch script. Both are read by one reader, so that only what means something else differs.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from glm47_tui.node.facts import NodeFacts
from glm47_tui.profile import Profile
from glm47_tui.render.launch import flags as launch_flags

COMMAND_LIMIT = 3990
"""Characters from which a command line may have been cut by the probe (it prints 4000 bytes)."""
NOT_SET = "-"
"""In place of the value of a flag that is not there."""
HIDDEN = "***"
"""In place of a secret."""

_SHORT = {
    "-tp": "--tensor-parallel-size",
    "-dp": "--data-parallel-size",
    "-dpl": "--data-parallel-size-local",
    "-dpa": "--data-parallel-address",
    "-dpp": "--data-parallel-rpc-port",
    "-dpr": "--data-parallel-start-rank",
    "-q": "--quantization",
}
"""Short names of vLLM 0.13.0 (engine/arg_utils.py) for flags that the launch script writes out."""
_SECRET = re.compile(r"-(key|token|password)$")
"""Flags whose value is nobody's business (``--api-key``)."""
_NUMBER = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class FlagDifference:
    """A flag whose value is not the profile's. ``-`` stands for a flag that is not set."""

    name: str
    running: str
    wanted: str


def read_flags(command: str) -> dict[str, str]:
    """Return the flags behind ``serve`` in a command line, by long name: {} without ``serve``.

    A flag without a value has an empty one. Of a command line that was cut off, the last flag is
    left out: half of a value is none.
    """
    words = command.split()
    if "serve" not in words:
        return {}
    found: dict[str, str] = {}
    last = ""
    for word in words[words.index("serve") + 1 :]:
        name, _, value = word.partition("=")
        if word.startswith("--") or word in _SHORT:
            last = _SHORT.get(word) or "--" + name[2:].replace("_", "-")
            found[last] = value if word.startswith("--") else ""
        elif last:
            found[last] = f"{found[last]} {word}".strip()
    if last and len(command) >= COMMAND_LIMIT:
        del found[last]
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: str) -> str:
    """Write a value in one way: the guide's two scripts differ in blanks, and mean the same."""
    if value[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            return json.dumps(json.loads(value), sort_keys=True)
    return f"{float(value):g}" if _NUMBER.fullmatch(value) else value


def running_flags(facts: NodeFacts) -> dict[str, str]:
    """Return the flags of the engine in the profile's own container: {} when none runs there."""
    own = facts.container
    for process in facts.processes:
        if own is not None and process.container == own.id:
            found = read_flags(process.command)
            if found:
                return found
    return {}


def wanted_flags(profile: Profile, index: int) -> dict[str, str]:
    """Return the flags of a node's launch script."""
    text = " ".join(launch_flags(profile, index))
    text = text.replace("${local_ip}", profile.nodes[index].ip)
    text = text.replace("${node0_ip}", profile.head.ip)
    return read_flags("serve " + " ".join(shlex.split(text)))


def differences(running: Mapping[str, str], wanted: Mapping[str, str]) -> list[FlagDifference]:
    """Compare an engine's flags with the profile's; [] when they are equal or nothing runs."""
    if not running:
        return []
    names = sorted({*running, *wanted})
    return [
        FlagDifference(name, shown(name, running.get(name)), shown(name, wanted.get(name)))
        for name in names
        if running.get(name) != wanted.get(name)
    ]


def shown(name: str, value: str | None) -> str:
    """Put a flag's value into words: ``-`` where it is not set, ``on`` where it has no value."""
    if value is None:
        return NOT_SET
    return HIDDEN if _SECRET.search(name) else value or "on"


def flag_differences(profile: Profile, index: int, facts: NodeFacts) -> list[FlagDifference]:
    """Return where a node's running engine has other flags than the profile asks for.

    A cut-off command line says nothing of the flags that are missing in it.
    """
    running = running_flags(facts)
    found = differences(running, wanted_flags(profile, index))
    cut = any(len(p.command) >= COMMAND_LIMIT for p in facts.processes)
    return [d for d in found if not (cut and d.running == NOT_SET)]
