"""Drafts on disk: what the wizard was told so far, complete or not, beside the saved profiles.

A draft is written at each step into ``drafts/``; a profile only when the user saves it or deploys.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.profile import (
    directory,
    dumps,
    list_names,
    load,
    path_of,
    resolve,
    save,
    write_private,
)
from glm47_tui.session.draft import Draft

UNNAMED = "unnamed"
BEGIN = "glm47"
"""Name that a new profile begins with."""


def folder() -> Path:
    """Folder of the drafts."""
    return directory().parent / "drafts"


def file_of(draft: Draft) -> Path:
    """File a draft is kept in, by its name as far as it makes a file name."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", draft.name).strip(".")[:63] or UNNAMED
    return folder() / f"{name}.toml"


def keep(draft: Draft) -> Path:
    """Write the draft, whatever state it is in, and return its file."""
    import tomlkit

    file = file_of(draft)
    write_private(file, tomlkit.dumps(draft.data))
    return file


def forget(draft: Draft) -> None:
    """Remove the draft's file."""
    with suppress(OSError):
        file_of(draft).unlink(missing_ok=True)


def list_drafts() -> tuple[str, ...]:
    """Names of the drafts, sorted."""
    if not folder().is_dir():
        return ()
    return tuple(sorted(p.stem for p in folder().glob("*.toml") if not p.name.startswith(".")))


def new_draft(recipe_id: str) -> Draft:
    """Begin a profile from a recipe, under a name that is free."""
    from glm47_tui.render import apply_recipe, recipes

    recipe = next(r for r in recipes() if r.id == recipe_id)
    taken = {*list_drafts(), *list_names()}
    names = [BEGIN, *(f"{BEGIN}-{i}" for i in range(2, 1000))]
    name = next((n for n in names if n not in taken), BEGIN)
    draft = Draft(apply_recipe({"schema": 1, "name": name, "nodes": []}, recipe))
    draft.touch()
    return draft


def open_draft(name: str) -> Draft:
    """Read a draft; UserError when it cannot be read."""
    file = folder() / f"{name}.toml"
    try:
        draft = Draft.read(file)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    saved = path_of(draft.name) if draft.name else None
    draft.source = saved if saved and saved.is_file() else None
    draft.changed = True
    return draft


def open_profile(word: str) -> Draft:
    """Read a profile by path or name, a faulty one too, so that it can be mended on the screen."""
    file = resolve(word)
    try:
        return Draft.of(load(file), file)
    except UserError:
        pass
    try:
        return Draft.read(file)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None


def save_profile(draft: Draft) -> Path:
    """Save a draft that holds where it came from, else under its name; ProfileInvalid if it fails.

    A file of the user's own keeps its comments and order: only values that differ are written.
    """
    profile = draft.profile
    if profile is None:
        raise UserError(Msg.of("app.not_whole", count=len(draft.problems)))
    file = draft.source
    if file is None or (file.parent == directory() and file.stem != profile.name):
        file = save(profile)
    else:
        write_private(file, _merged(file, dumps(profile)))
    forget(draft)
    draft.source, draft.changed = file, False
    return file


def _merged(file: Path, text: str) -> str:
    """Put new values into the old document; the new text where the old one cannot be read."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        old = tomlkit.parse(file.read_text("utf-8"))
    except (OSError, ValueError, TOMLKitError):
        return text
    new = tomlkit.parse(text)
    for key in [k for k in old if k not in new]:
        del old[key]
    for key, value in new.items():
        if key not in old or old[key].unwrap() != value.unwrap():
            old[key] = value
    return tomlkit.dumps(old)


def _unreadable(file: Path, error: Exception) -> UserError:
    detail = getattr(error, "strerror", None) or str(error)
    return UserError(Msg.of("profile.unreadable", path=str(file), detail=detail))
