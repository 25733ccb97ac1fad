"""Programs of Debian's that the lab tries things with, and that nobody wants installed for it.

The packages are fetched and unpacked into the lab's cache; nothing of theirs is run on the way, and
this machine's own programs stay as they are.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.kit.layout import cache_dir
from tests.lab.kit.prepare import NotPossible, locked


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """Return the folder with the unpacked packages, fetched once. NotPossible with the reason."""
    tree = cache_dir() / name
    with locked(name):
        if tree.exists():
            return tree
        if not shutil.which("apt-get"):
            raise NotPossible(f"{packages[0]} comes from Debian's packages: no apt-get here")
        part, debs = cache_dir() / f"{name}.part", cache_dir() / f"{name}.debs"
        for folder in (part, debs):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        fetch = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages)
        try:
            _call(debs, *fetch)
        except NotPossible:  # a fresh machine has no lists yet
            _call(debs, "apt-get", "-qq", "update")
            _call(debs, *fetch)
        for deb in sorted(debs.glob("*.deb")):
            _call(debs, "dpkg-deb", "-x", str(deb), str(part))
        for folder_name in ("lib", "sbin", "bin"):  # a merged /usr has these as links
            if (part / folder_name).is_dir():
                into = part / "usr" / folder_name
                shutil.copytree(part / folder_name, into, dirs_exist_ok=True, symlinks=True)
                shutil.rmtree(part / folder_name)
        shutil.rmtree(debs)
        part.rename(tree)
    return tree


def _call(where: Path, *words: str) -> None:
    done = subprocess.run(words, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPossible(f"{' '.join(words[:4])} ...: {done.stderr.strip()[-300:]}")
