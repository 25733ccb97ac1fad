"""Throw-away keys of a cluster: one to log in with, one for each simulated host."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

LOGIN = "id_ed25519"


def make(folder: Path, nodes: int) -> None:
    """Make the keys that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in (LOGIN, *(f"host_{i}" for i in range(nodes))):
        path = folder / name
        if path.exists():
            continue
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        path.with_suffix(".pub").write_bytes(public + b" glm47-tui demo\n")
        path.touch(mode=0o600)
        path.write_bytes(private)


def fingerprint(folder: Path, node: int) -> str:
    """Return the fingerprint of a host key, as ``ssh-keygen -l`` prints it."""
    blob = base64.b64decode((folder / f"host_{node}.pub").read_text("ascii").split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
