"""Words of a docker command line."""

from __future__ import annotations

from collections.abc import Mapping

from glm47_tui.demo.sim.docker.store import Failure

Options = Mapping[str, tuple[str, bool]]
"""Long name -> (short name, whether a value follows)."""

RUN: Options = {
    "--name": ("", True), "--network": ("--net", True), "--shm-size": ("", True),
    "--device": ("", True), "--env": ("-e", True), "--volume": ("-v", True),
    "--interactive": ("-i", False), "--tty": ("-t", False), "--detach": ("-d", False),
    "--rm": ("", False), "--privileged": ("", False), "--ipc": ("", True),
    "--restart": ("", True), "--workdir": ("-w", True), "--user": ("-u", True),
    "--entrypoint": ("", True), "--ulimit": ("", True), "--pull": ("", True),
    "--hostname": ("-h", True), "--label": ("-l", True), "--cap-add": ("", True),
    "--security-opt": ("", True), "--init": ("", False),
}  # fmt: skip


class Parsed:
    """Options as they were given, by their long names, and the words after them."""

    def __init__(self) -> None:
        self.options: dict[str, list[str]] = {}
        self.rest: list[str] = []

    def has(self, name: str) -> bool:
        """Whether an option was given."""
        return name in self.options

    def one(self, name: str) -> str:
        """Return the last value of an option, empty when it was not given."""
        return self.options.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        """Return all values of an option."""
        return self.options.get(name, [])


def parse(args: list[str], options: Options, *, anywhere: bool = False) -> Parsed:
    """Read options up to the first other word (or ``anywhere``); Failure on an unknown one."""
    known = {n: (long, value) for long, (short, value) in options.items() for n in (long, short)}
    found = Parsed()
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            found.rest += words
            break
        if not word.startswith("-") or word == "-":
            found.rest.append(word)
            if not anywhere:
                found.rest += words
                break
            continue
        name, mark, value = word.partition("=")
        for one in _spelled(name):
            if one not in known:
                raise Failure(f"unknown flag: {one}\nSee 'docker --help'.", 125)
            long, takes = known[one]
            if takes and not mark:
                value = words.pop(0) if words else ""
            found.options.setdefault(long, []).append(value)
    return found


def _spelled(name: str) -> list[str]:
    """Return single options: ``-itd`` is three of them."""
    if name.startswith("--") or len(name) <= 2:
        return [name]
    return [f"-{letter}" for letter in name[1:]]
