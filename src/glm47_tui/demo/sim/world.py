"""Names of the simulated world, and where they really are.

A node without root rights cannot have a file system or addresses of its own. So its absolute
paths (``/opt/data``) and addresses (``10.77.0.10``) are translated in every text that is about to
be executed: command lines, and scripts on standard input. What comes out is translated back.
Contents of files are never touched: they hold what was pushed, and hash so.

User and mount namespaces would do without translation, but are refused to ordinary users in
containers, on hardened kernels and on Ubuntu 24.04.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# A path begins where no path can go on: not after a name, a variable or a closing bracket.
_START = r"(?<![\w.~})\]/$-])"
_END = r"(?![\w.-])"
_TOP = (
    "opt", "usr/local", "root", "home", "tmp", "var", "mnt", "srv", "media", "run", r"data\w*",
    "models?", "workspace", "vllm-workspace", "etc/ascend_install.info", "etc/hccn.conf",
    "etc/os-release", "etc/hostname", "etc/hosts", "etc/docker", "dev/shm", "dev/devmm_svm",
    "dev/hisi_hdc", r"dev(?!/)",
)  # fmt: skip
# Processes of the node are listed in a folder of its own; a shell asking about itself is real.
_HOST_ONLY = (r"proc(?!/(?:self|thread-self|\$\$))", "sys/class", "sys/module", "sys/fs/cgroup")
_LOOPBACK = "127.0.0.1"
_LOCALHOST = re.compile(r"(//|/dev/tcp/|@)localhost(?=[:/\s\"']|$)")


def _address_pattern(addresses: Mapping[str, str]) -> re.Pattern[str] | None:
    if not addresses:
        return None
    names = "|".join(re.escape(a) for a in sorted(addresses, key=len, reverse=True))
    return re.compile(rf"(?<![\d.])(?:{names})(?!\d|\.\d)")


class World:
    """One place of one node: its host, or one of its containers.

    ``node_dir`` is the node's folder on this machine, ``root`` the folder in it that stands for
    ``/``. ``addresses`` maps simulated IP addresses to loopback addresses of this machine; where
    127.0.0.1 leads is one of them.
    """

    def __init__(self, node_dir: str, root: str, addresses: Mapping[str, str]) -> None:
        self.root = root
        tops = _TOP + (_HOST_ONLY if root == f"{node_dir}/fs" else ())
        names = "|".join(tops)
        self._paths = re.compile(rf"{_START}/(?=(?:{names}){_END}|dev/davinci)")
        self._to_real = dict(addresses)
        self._ips = _address_pattern(self._to_real)
        self._leaver = Leaver(node_dir, addresses)

    def enter(self, text: str) -> str:
        """Translate text into what processes of this place can execute.

        The text may be simulated, or real for this or another place of the same node.
        """
        text = self._paths.sub(self.root + "/", self._leaver.text(text))
        text = _LOCALHOST.sub(rf"\g<1>{_LOOPBACK}", text)
        if self._ips is None:
            return text
        return self._ips.sub(lambda m: self._to_real[m[0]], text)

    def leave(self, text: str) -> str:
        """Translate text of any place of this node into simulated names."""
        return self._leaver.text(text)

    def path(self, simulated: str) -> str:
        """Return where an absolute simulated path really is."""
        return self.root + simulated if simulated.startswith("/") else simulated

    def address(self, simulated: str) -> str:
        """Return the loopback address behind a simulated one, or the address itself."""
        return self._to_real.get(simulated, simulated)


class Leaver:
    """Translates what a node says back into simulated names, in a stream of bytes.

    A name cut in two by the end of a chunk is held back until its rest arrives (``feed``), or
    until nothing more comes (``flush``).
    """

    def __init__(self, node_dir: str, addresses: Mapping[str, str]) -> None:
        self._prefix = node_dir.encode()
        self._back = {r.encode(): s.encode() for s, r in addresses.items() if s != _LOOPBACK}
        real = re.escape(self._prefix) + rb"/(?:fs|ct/[0-9a-f]{12})(?:/|(?![\w.-]))"
        ips = b"|".join(re.escape(a) for a in sorted(self._back, key=len, reverse=True))
        last = rb"|(?<![\d.])(?:" + ips + rb")(?!\d|\.\d)" if ips else b""
        self._pattern = re.compile(real + last)
        self._longest = max([len(self._prefix) + 20, *(len(a) + 2 for a in self._back)])
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
        start = max(0, len(data) - self._longest)
        # A name never spans lines; nothing before the last line end can be cut.
        start = max(start, data.rfind(b"\n") + 1)
        for at in range(start, len(data)):
            if data[at] not in (0x2F, 0x31):  # "/" and "1": how the names begin
                continue
            rest = data[at:]
            if self._prefix.startswith(rest) or rest.startswith(self._prefix):
                return at
            if any(a.startswith(rest) or rest.startswith(a) for a in self._back):
                return at
        return len(data)
