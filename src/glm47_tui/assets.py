"""Where the shipped data files are: templates, patches, recipes, diagnoses.

In a checkout they lie in ``assets/`` at the top; in an installed wheel inside the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """Return the folder that holds ``patches/``, ``scripts/``, ``recipes/`` and ``diagnoses/``."""
    packaged = _PACKAGE / "assets"
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent / "assets"


def path(*parts: str) -> Path:
    """Return the path of one asset, for example ``path("scripts", "docker_run.sh.j2")``."""
    return root().joinpath(*parts)


def text(*parts: str) -> str:
    """Return the text of one asset, decoded as UTF-8, line ends untouched."""
    return path(*parts).read_bytes().decode("utf-8")
