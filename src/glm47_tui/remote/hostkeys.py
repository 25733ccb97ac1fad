"""Who vouches for a host key: pinned fingerprints, known_hosts files, then the user.

File format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Never trusts by itself.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from glm47_tui.errors import UserError
from glm47_tui.profile.store import write_private
from glm47_tui.remote.api import HostKey
from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.vault import Asker

_RSA_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")
_own_file = threading.Lock()


def own_known_hosts() -> Path:
    """File that "remember this key" appends to (``$GLM47_TUI_HOME/known_hosts``, mode 0600).

    The user's own ~/.ssh/known_hosts is read and never written.
    """
    home = os.environ.get("GLM47_TUI_HOME")
    base = Path(home) if home else user_config_path("glm47-tui", appauthor=False)
    return base / "known_hosts"


def fingerprint(blob: bytes) -> str:
    """Return ``SHA256:...`` as ``ssh-keygen -l`` prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


@dataclass(frozen=True)
class Known:
    """A line of a known_hosts file that speaks of the host at hand."""

    kind: str
    blob: bytes
    source: str
    """``file:line``"""
    revoked: bool = False


def lookup_name(host: str, port: int) -> str:
    """Name of a host in known_hosts: bare for port 22, else ``[host]:port``."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def _hashed_matches(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        mine = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(mine, base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


def _matches(hosts: str, name: str) -> bool:
    found = False
    for pattern in hosts.split(","):
        if pattern.startswith("|1|"):
            found = found or _hashed_matches(pattern, name)
            continue
        negated = pattern.startswith("!")
        # Only * and ? are special in known_hosts; brackets stand for themselves.
        glob = pattern.lstrip("!").lower().replace("[", "[[]")
        if fnmatch.fnmatchcase(name, glob):
            if negated:
                return False
            found = True
    return found


def read_known(files: Iterable[Path], name: str) -> tuple[Known, ...]:
    """Lines about a host, from all files that can be read; certificate authorities left out."""
    out: list[Known] = []
    for file in files:
        try:
            text = file.read_text("utf-8", "replace")
        except OSError:
            continue
        for n, line in enumerate(text.split("\n"), 1):
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@revoked"):
                continue
            if not _matches(words[0], name):
                continue
            try:
                blob = base64.b64decode(words[2], validate=True)
            except binascii.Error:
                continue
            out.append(Known(words[1], blob, f"{file}:{n}", marker == "@revoked"))
    return tuple(out)


def pins_of(host_keys: Mapping[str, str], host: str, port: int) -> tuple[str, ...]:
    """Fingerprints pinned in the profile for ``host:port`` (``host`` alone means port 22)."""
    names = {f"{host}:{port}", f"[{host}]:{port}"} | ({host, f"[{host}]"} if port == 22 else set())
    values = [v for k, v in host_keys.items() if k.strip().lower() in {n.lower() for n in names}]
    words = [w.rstrip("=") for v in values for w in re.split(r"[\s,]+", v) if w]
    return tuple(w if w.startswith("SHA256:") else f"SHA256:{w}" for w in words)


class Verifier:
    """Judges the key of one host. ``host_keys`` and ``extra_file`` come from the profile."""

    def __init__(
        self, host: str, port: int, host_keys: Mapping[str, str], extra_file: str | None
    ) -> None:
        self.host = host
        self.port = port
        self._pins = pins_of(host_keys, host, port)
        self._files = [own_known_hosts(), Path("~/.ssh/known_hosts").expanduser()]
        self._files.append(Path("/etc/ssh/ssh_known_hosts"))
        if extra_file:
            self._files.insert(0, Path(extra_file).expanduser())
        self._once: set[bytes] = set()

    def _known(self) -> tuple[Known, ...]:
        return read_known(self._files, lookup_name(self.host, self.port))

    def key_types(self, supported: tuple[str, ...]) -> tuple[str, ...]:
        """Host key algorithms to offer: those of known keys first, as OpenSSH does it."""
        kinds = [k.kind for k in self._known() if not k.revoked]
        wanted = [a for k in kinds for a in (_RSA_ALGORITHMS if k == "ssh-rsa" else (k,))]
        first = [a for a in dict.fromkeys(wanted) if a in supported]
        return (*first, *(a for a in supported if a not in first))

    def pin_mismatch(self, blob: bytes) -> bool:
        """Whether pins exist and this key is none of them (another key type may be)."""
        return bool(self._pins) and fingerprint(blob) not in self._pins

    def verify(self, kind: str, blob: bytes, asker: Asker) -> None:
        """Return when the key is trusted; RemoteError key_unknown, key_changed, key_revoked."""
        where = f"{self.host}:{self.port}"
        seen = fingerprint(blob)
        known = self._known()
        for entry in known:
            if entry.revoked and entry.blob == blob:
                raise RemoteError(
                    "key_revoked", node=asker.node, where=where, seen=seen, source=entry.source
                )
        if self._pins:
            if seen in self._pins:
                return
            self._refuse_changed(asker.node, seen, ", ".join(self._pins), "ssh.host_keys")
        good = [k for k in known if not k.revoked]
        if any(k.blob == blob for k in good) or self._known_without_port(blob):
            return
        judged = [k for k in good if k.kind == kind or k.kind in _JUDGED]
        if judged:
            entry = next((k for k in judged if k.kind == kind), judged[0])
            self._refuse_changed(asker.node, seen, fingerprint(entry.blob), entry.source)
        self._ask(kind, blob, seen, asker)

    def _known_without_port(self, blob: bytes) -> bool:
        if self.port == 22:
            return False
        plain = read_known(self._files, self.host.lower())
        return any(k.blob == blob and not k.revoked for k in plain)

    def _refuse_changed(self, node: str, seen: str, expected: str, source: str) -> None:
        raise RemoteError(
            "key_changed",
            node=node,
            where=f"{self.host}:{self.port}",
            name=lookup_name(self.host, self.port),
            seen=seen,
            expected=expected,
            source=source,
        )

    def _ask(self, kind: str, blob: bytes, seen: str, asker: Asker) -> None:
        key = HostKey(asker.node, self.host, self.port, kind, seen)
        decision = asker.host_key(key, lambda: any(k.blob == blob for k in self._known()))
        if decision == "save":
            remember(self.host, self.port, kind, blob)
        elif decision != "once":
            where = f"{self.host}:{self.port}"
            raise RemoteError("key_unknown", node=asker.node, where=where, type=kind, seen=seen)


_JUDGED = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    }
)
"""Key types this program can ask a server for: when a server known by one of them shows none of
them, its key has changed. (A host known by, say, a security key alone is merely unknown.)"""


def remember(host: str, port: int, kind: str, blob: bytes) -> None:
    """Append a key to the tool's own known_hosts; the file is replaced whole, mode 0600."""
    file = own_known_hosts()
    line = f"{lookup_name(host, port)} {kind} {base64.b64encode(blob).decode()}\n"
    with _own_file:
        try:
            old = file.read_text("utf-8", "replace") if file.exists() else ""
            if line not in old:
                write_private(file, old + ("" if old.endswith("\n") or not old else "\n") + line)
        except OSError as error:
            raise _unwritable(file, error.strerror or str(error)) from None


def _unwritable(file: Path, detail: str) -> UserError:
    return RemoteError("key_unsaved", path=str(file), detail=detail)
