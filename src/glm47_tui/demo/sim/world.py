"""Names of the simulated world, and where they really are.

A node without root rights cannot have a file system of its own. So its absolute paths
(``/opt/data``) and addresses (``10.77.0.10``) are translated in every text that is about to be
executed: command lines, scripts on standard input, script files at the moment a shell or Python
starts them. What comes out is translated back. Contents of files are never touched: they hold
what was pushed, and hash so.

Three kinds of text therefore exist: *simulated* (what the tool sends and sees), and *real* for
the host or for one container (what processes on this machine work with). ``World.enter`` is safe
to apply twice, and takes text that is real for another place of the same node as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

# A path begins where no path can go on: not after a name, a variable or a closing bracket.
_START = r"(?<![\w.~})\]/$-])"
_END = r"(?![\w.-])"
_TOP = (
    "opt", "usr/local", "root", "home", "tmp", "var", "mnt", "srv", "media", "run", r"data\w*",
    "models?", "workspace", "vllm-workspace", "etc/ascend_install.info", "etc/hccn.conf",
    "etc/os-release", "etc/hostname", "etc/hosts", "etc/docker", "etc/vnpu.cfg", "dev/shm",
    "dev/devmm_svm", "dev/hisi_hdc", "dev",
)  # fmt: skip
_HOST_ONLY = (r"proc(?!/(?:self|thread-self|\$))", "sys/class", "sys/module", "sys/fs/cgroup")
_LOOPBACK = "127.0.0.1"


def _pattern(tops: tuple[str, ...], node_dir: str) -> re.Pattern[str]:
    real = rf"{re.escape(node_dir)}/(?:fs|ct/[0-9a-f]{{12}})"
    names = "|".join(tops)
    # What follows /dev without a further name is the folder itself; /dev/null stays the machine's.
    names = names.replace("|dev|", r"|dev(?!/)|").replace("|dev)", r"|dev(?!/))")
    simulated = rf"/(?:(?:{names}){_END}|dev/davinci)"
    return re.compile(rf"{_START}(?P<real>{real}{_END})|{_START}(?P<sim>{simulated})")


class World:
    """One place of one node: its host, or one of its containers.

    ``node_dir`` is the node's folder on this machine, ``root`` the folder that stands for ``/``.
    ``addresses`` maps simulated IP addresses to loopback addresses of this machine.
    """

    def __init__(self, node_dir: str, root: str, addresses: Mapping[str, str]) -> None:
        self.node_dir = node_dir
        self.root = root
        self.host = root == f"{node_dir}/fs"
        self._paths = _pattern(_TOP + (_HOST_ONLY if self.host else ()), node_dir)
        self._to_real = dict(addresses)
        self._ips = _address_pattern(self._to_real)

    def enter(self, text: str) -> str:
        """Translate simulated text into what processes here can execute."""
        text = self._paths.sub(self._enter_path, text)
        text = re.sub(r"(//|/dev/tcp/|@)localhost(?=[:/\s\"']|$)", rf"\1{_LOOPBACK}", text)
        if self._ips is None:
            return text
        return self._ips.sub(lambda m: self._to_real[m[0]], text)

    def _enter_path(self, match: re.Match[str]) -> str:
        found = match["sim"]
        return self.root if found is None else self.root + found

    def path(self, simulated: str) -> str:
        """Return where an absolute simulated path really is."""
        return self.root + simulated if simulated.startswith("/") else simulated

    def address(self, simulated: str) -> str:
        """Return the loopback address behind a simulated one, or the address itself."""
        return self._to_real.get(simulated, simulated)


def _address_pattern(addresses: Mapping[str, str]) -> re.Pattern[str] | None:
    if not addresses:
        return None
    names = "|".join(re.escape(a) for a in sorted(addresses, key=len, reverse=True))
    return re.compile(rf"(?<![\d.])(?:{names})(?!\d|\.\d)")


class Leaver:
    """Translates what a node says back into simulated names, in a stream of bytes.

    A name cut in two by the end of a chunk is held back until its rest arrives (``feed``), or
    until nothing more comes (``flush``).
    """

    def __init__(self, node_dir: str, addresses: Mapping[str, str]) -> None:
        self._prefix = node_dir.encode()
        self._back = {real.encode(): sim.encode() for sim, real in addresses.items()}
        real = re.escape(self._prefix) + rb"/(?:fs|ct/[0-9a-f]{12})(?:/|(?![\w.-]))"
        ips = b"|".join(re.escape(a) for a in sorted(self._back, key=len, reverse=True))
        last = rb"|(?<![\d.])(?:" + ips + rb")(?!\d|\.\d)" if ips else b""
        self._pattern = re.compile(real + last)
        self._longest = max([len(node_dir) + 20, *(len(a) + 2 for a in self._back)])
        self._held = b""

    def _leave(self, match: re.Match[bytes]) -> bytes:
        return self._back.get(match[0], b"/")

    def text(self, text: str) -> str:
        """Translate a whole text."""
        raw = text.encode("utf-8", "surrogateescape")
        return self._pattern.sub(self._leave, raw).decode("utf-8", "surrogateescape")

    def feed(self, data: bytes) -> bytes:
        """Take more bytes; return those that are certain."""
        data = self._held + data
        cut = self._uncertain(data)
        self._held = data[cut:]
        return self._pattern.sub(self._leave, data[:cut])

    def flush(self) -> bytes:
        """Return what was held back."""
        data, self._held = self._held, b""
        return self._pattern.sub(self._leave, data)

    @property
    def holding(self) -> bool:
        """Whether bytes wait for what follows."""
        return bool(self._held)

    def _uncertain(self, data: bytes) -> int:
        """Find where at the end a name may have begun that is not complete yet."""
        tail_from = max(0, len(data) - self._longest)
        tail = data[tail_from:]
        for at in _candidates(tail, (self._prefix[:1], b"1")):
            rest = tail[at:]
            if b"\n" in rest:
                continue
            if self._prefix.startswith(rest) or rest.startswith(self._prefix):
                return tail_from + at
            if any(a.startswith(rest) or rest.startswith(a) for a in self._back):
                return tail_from + at
        return len(data)


def _candidates(tail: bytes, firsts: tuple[bytes, ...]) -> Iterator[int]:
    for at in range(len(tail)):
        if tail[at : at + 1] in firsts:
            yield at


def split_lines(feed: Callable[[str], None]) -> Callable[[bytes], None]:
    """Return a sink that takes bytes and hands on whole lines (kept ends), UTF-8."""
    held = b""

    def take(data: bytes) -> None:
        nonlocal held
        held += data
        end = held.rfind(b"\n") + 1
        if not data:
            end = len(held)
        if end:
            feed(held[:end].decode("utf-8", "surrogateescape"))
            held = held[end:]

    return take
