"""What rendering gives: files, each with the place it goes to and what it is for."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

Role = Literal["script", "launch", "download", "patch", "container", "request", "step", "doc"]
"""``script``: for the host; ``launch``: starts the engine; ``download``: fetches the weights;
``patch``: goes into vLLM; ``container``: our helpers that run in the container; ``request``: the
verification. The last two are written by :func:`write` and laid on no node. ``step``: what the
tool sends to ``bash -s`` there, to act (``steps/``) or look (``looks/``); ``doc``: for people."""


@dataclass(frozen=True)
class RenderedFile:
    """One file. ``path`` is relative to the base folder; ``node`` None: the same on all nodes."""

    path: str
    text: str
    node: int | None
    mode: int
    role: Role

    @property
    def data(self) -> bytes:
        """The file's bytes (UTF-8, line ends as in the text)."""
        return self.text.encode("utf-8")

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class DeployedFile:
    """A file as it lies on a node: absolute host path, bytes, permission bits, hex sha256."""

    path: str
    data: bytes
    mode: int
    sha256: str


@dataclass(frozen=True)
class Rendered:
    """All files of a profile, in the order they are shown."""

    profile: str
    base_dir: str
    files: tuple[RenderedFile, ...]

    def for_node(self, index: int) -> tuple[RenderedFile, ...]:
        """What is laid on one node: the files of all nodes and its own."""
        mine = (f for f in self.files if f.node in (None, index))
        return tuple(f for f in mine if f.role not in ("step", "doc"))

    def find(self, path: str, node: int | None = None) -> RenderedFile:
        """Return the file with this path (and node, where there are several); KeyError if none."""
        for file in self.files:
            if file.path == path and (node is None or file.node in (None, node)):
                return file
        raise KeyError(path)

    def export_path(self, file: RenderedFile) -> str:
        """Where :func:`write` puts a file: its own path, below ``node<i>/`` where nodes differ."""
        return file.path if self._times[file.path] == 1 else f"node{file.node}/{file.path}"

    @cached_property
    def _times(self) -> Counter[str]:
        return Counter(f.path for f in self.files)


def write(rendered: Rendered, folder: str | Path) -> tuple[Path, ...]:
    """Write all files below a folder, which is made if need be; returns their paths.

    Files that stand there already are replaced, each whole or not at all; nothing else is touched.
    Raises OSError when the folder cannot be written.
    """
    out = []
    for file in rendered.files:
        target = Path(folder) / rendered.export_path(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            part.write_bytes(file.data)
            part.chmod(file.mode)
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            # A full disk is found while writing, where the system names no file.
            error.filename = error.filename or str(target)
            raise
        out.append(target)
    return tuple(out)
