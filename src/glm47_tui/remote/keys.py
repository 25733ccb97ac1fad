"""Private keys of this machine: files (any format OpenSSL or OpenSSH writes) and the agent."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from glm47_tui.i18n import Msg
from glm47_tui.remote.dial import under_limit

DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")
_AGENT_LIMIT_S = 5.0


class Unreadable(Exception):
    """A key file that cannot be used; ``reason`` says why, for a user."""

    def __init__(self, reason: Msg) -> None:
        super().__init__(reason.id)
        self.reason = reason


class Locked(Exception):
    """A key file that needs a passphrase, or got a wrong one."""


@dataclass(frozen=True)
class KeyFile:
    """A private key file and, where it can be told without a passphrase, its public half."""

    path: Path
    public: bytes | None
    private: bool
    """False: only a public key stands there; the agent may hold the private one."""

    @property
    def name(self) -> str:
        """How the file is called in messages."""
        return self.path.name


def default_files() -> list[Path]:
    """Key files in ~/.ssh by their usual names, those that exist."""
    folder = Path("~/.ssh").expanduser()
    return [folder / name for name in DEFAULT_NAMES if (folder / name).is_file()]


def examine(path: Path) -> KeyFile:
    """Look at a key file without opening it; Unreadable when it is none."""
    text = _read(path)
    if _public_blob(text) is not None:
        sibling = path.with_suffix("") if path.suffix == ".pub" else None
        if sibling is not None and sibling.is_file():
            return examine(sibling)
        return KeyFile(path, _public_blob(text), private=False)
    if b"PuTTY-User-Key-File" in text:
        raise Unreadable(Msg.of("remote.key_file.putty", path=str(path)))
    if b"PRIVATE KEY-----" not in text:
        raise Unreadable(Msg.of("remote.key_file.other"))
    public = path.with_name(path.name + ".pub")
    try:
        blob = _public_blob(public.read_bytes())
    except OSError:
        blob = None
    return KeyFile(path, blob, private=True)


def load(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Open a private key; Locked without the right passphrase, Unreadable when it is broken."""
    data = _read(path)
    secret = passphrase.encode() if passphrase is not None else None
    loader = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH" in data
        else serialization.load_pem_private_key
    )
    try:
        key = loader(data, secret)
    except TypeError:
        if secret is None:
            raise Locked from None
        return load(path, None)  # a passphrase for a key that has none
    except (ValueError, UnsupportedAlgorithm) as error:
        if secret is not None:
            raise Locked from None
        raise Unreadable(Msg.of("remote.key_file.broken", detail=str(error))) from None
    return _as_paramiko(key, path)


def _as_paramiko(key: object, path: Path) -> paramiko.PKey:
    kind: type[paramiko.PKey]
    if isinstance(key, rsa.RSAPrivateKey):
        kind = paramiko.RSAKey
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        kind = paramiko.Ed25519Key
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        kind = paramiko.ECDSAKey
    else:
        raise Unreadable(Msg.of("remote.key_file.kind", kind=type(key).__name__))
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()
    try:
        loaded = kind.from_private_key(io.StringIO(text))
        certificate = path.with_name(path.name + "-cert.pub")
        if certificate.is_file():
            loaded.load_certificate(str(certificate))
    except (paramiko.SSHException, ValueError, OSError) as error:
        raise Unreadable(Msg.of("remote.key_file.broken", detail=str(error))) from None
    return loaded


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        detail = error.strerror or str(error)
        raise Unreadable(Msg.of("remote.key_file.io", detail=detail)) from None


def _public_blob(text: bytes) -> bytes | None:
    words = text.split()
    if len(words) < 2 or not words[0].startswith((b"ssh-", b"ecdsa-", b"sk-")):
        return None
    try:
        return base64.b64decode(words[1], validate=True)
    except binascii.Error:
        return None


@contextmanager
def agent_keys() -> Iterator[tuple[paramiko.AgentKey, ...]]:
    """Keys the ssh-agent holds; none when there is no agent or it does not answer in 5 s."""
    agent: paramiko.Agent | None = None
    try:
        try:
            agent = under_limit(paramiko.Agent, _AGENT_LIMIT_S)
            found = agent.get_keys()
        except (TimeoutError, OSError, paramiko.SSHException, EOFError):
            found = ()
        yield found
    finally:
        if agent is not None:
            agent.close()
