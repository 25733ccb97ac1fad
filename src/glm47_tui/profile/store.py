"""Profiles on disk: TOML, mode 0600, written whole or not at all."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from glm47_tui.errors import ProfileProblem
from glm47_tui.i18n import Msg
from glm47_tui.profile.model import Profile
from glm47_tui.profile.problems import Problem, ProfileInvalid, parse

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def directory() -> Path:
    """Folder of the saved profiles (``$GLM47_TUI_HOME/profiles`` or the platform's place)."""
    home = os.environ.get("GLM47_TUI_HOME")
    base = Path(home) if home else user_config_path("glm47-tui", appauthor=False)
    return base / "profiles"


def path_of(name: str) -> Path:
    """File of a saved profile."""
    return directory() / f"{name}.toml"


def list_names() -> tuple[str, ...]:
    """Names of the saved profiles, sorted."""
    folder = directory()
    if not folder.is_dir():
        return ()
    return tuple(sorted(p.stem for p in folder.glob("*.toml") if not p.name.startswith(".")))


def resolve(word: str) -> Path:
    """Find the file a user means by a path or a saved name; ProfileProblem when there is none."""
    as_path = Path(word).expanduser()
    if as_path.is_file():
        return as_path
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", word) and path_of(word).is_file():
        return path_of(word)
    names = ", ".join(list_names()) or "-"
    raise ProfileProblem(
        Msg.of("profile.not_found", word=word),
        fix=Msg.of("profile.not_found_fix", folder=str(directory()), names=names),
    )


def loads(text: str, source: str = "-") -> Profile:
    """Parse TOML; raises ProfileInvalid with line and column for what is no TOML."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = Msg.of("profile.bad.toml", detail=str(error))
        raise ProfileInvalid(source, (Problem("", what),)) from None
    return parse(data, source)


def load(word: str | Path) -> Profile:
    """Read a profile by path or saved name."""
    file = word if isinstance(word, Path) else resolve(word)
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        what = Msg.of("profile.bad.utf8")
        raise ProfileInvalid(str(file), (Problem("", what),)) from None
    except OSError as error:
        raise ProfileProblem(
            Msg.of("profile.unreadable", path=str(file), detail=error.strerror or str(error))
        ) from None
    return loads(text, str(file))


def as_data(profile: Profile, *, full: bool = False) -> dict[str, Any]:
    """Profile as plain data for TOML: what differs from the defaults, plus what identifies it."""
    data = profile.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=not full
    )
    head: dict[str, Any] = {"schema": profile.schema_version, "name": profile.name}
    always = {
        "model": {"repo": profile.model.repo, "path": profile.model.path},
        "container": {"name": profile.container.name, "image": profile.container.image},
    }
    for key, value in always.items():
        data[key] = {**value, **data.get(key, {})}
    nodes = data.pop("nodes")
    rest = {k: v for k, v in data.items() if k not in head}
    scalars = {k: v for k, v in rest.items() if not isinstance(v, dict)}
    tables = {k: v for k, v in rest.items() if isinstance(v, dict)}
    for node in nodes:
        if not node.get("ssh"):
            node.pop("ssh", None)
    return {**head, **scalars, **tables, "nodes": nodes}


def dumps(profile: Profile, *, full: bool = False) -> str:
    """Profile as TOML text; ``full`` writes the defaults out too."""
    import tomlkit

    return tomlkit.dumps(as_data(profile, full=full))


def save(profile: Profile, file: Path | None = None) -> Path:
    """Write a profile atomically with mode 0600 and return its file."""
    file = file or path_of(profile.name)
    write_private(file, dumps(profile))
    return file


def delete(name: str) -> None:
    """Remove a saved profile; nothing happens when it is not there."""
    path_of(name).unlink(missing_ok=True)


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise _unwritable(file, error) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:  # mkstemp gives 0600
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        raise _unwritable(file, error) from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _unwritable(file: Path, error: OSError) -> ProfileProblem:
    return ProfileProblem(
        Msg.of("profile.unwritable", path=str(file), detail=error.strerror or str(error)),
        fix=Msg.of("profile.unwritable_fix"),
    )
