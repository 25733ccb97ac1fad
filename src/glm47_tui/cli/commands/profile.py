"""``profile list|show|validate|schema|edit|path``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from glm47_tui.cli.base import Command, Group, option, profile_argument
from glm47_tui.cli.state import load_profile
from glm47_tui.cli.words import user_error
from glm47_tui.errors import Exit, ProfileProblem, UserError
from glm47_tui.i18n import Msg, t
from glm47_tui.programs import chosen, run_on


@click.group("profile", cls=Group)
def profile() -> None:
    """Words are in the catalogs."""


@profile.command("list", cls=Command)
@option("--json", "as_json", is_flag=True)
def list_(as_json: bool) -> None:
    """Words are in the catalogs."""
    from glm47_tui.profile import list_names
    from glm47_tui.profile.store import directory

    names = list_names()
    if as_json:
        click.echo(json.dumps({"directory": str(directory()), "profiles": list(names)}))
    elif names:
        click.echo("\n".join(names))
    else:
        click.echo(t("cli.profile.none", folder=str(directory())), err=True)


@profile.command("show", cls=Command)
@profile_argument()
@option("--full", is_flag=True)
def show(profile: str, full: bool) -> None:
    """Words are in the catalogs."""
    from glm47_tui.profile import dumps

    click.echo(dumps(load_profile(profile), full=full), nl=False)


@profile.command("validate", cls=Command)
@profile_argument()
@option("--json", "as_json", is_flag=True)
def validate(profile: str, as_json: bool) -> int:
    """Words are in the catalogs."""
    try:
        good = load_profile(profile)
    except ProfileProblem as error:
        if not as_json:
            raise
        problems = [{"where": p.where, "what": t(p.what)} for p in getattr(error, "problems", ())]
        if not problems:
            problems = [{"where": "", "what": t(error.what)}]
        click.echo(json.dumps({"valid": False, "problems": problems}, ensure_ascii=False))
        return int(error.exit_code)
    if as_json:
        click.echo(json.dumps({"valid": True, "name": good.name, "nodes": len(good.nodes)}))
    else:
        click.echo(t("cli.profile.valid", name=good.name, nodes=len(good.nodes)))
    return 0


@profile.command("schema", cls=Command)
def schema() -> None:
    """Words are in the catalogs."""
    from glm47_tui.profile import Profile

    click.echo(json.dumps(Profile.model_json_schema(), indent=2, ensure_ascii=False))


@profile.command("edit", cls=Command)
@profile_argument()
def edit(profile: str) -> int:
    """Words are in the catalogs."""
    from glm47_tui.profile import loads, resolve
    from glm47_tui.profile.store import write_private

    file = resolve(profile)
    if not sys.stdin.isatty():
        raise UserError(Msg.of("cli.profile.edit_terminal"), exit_code=Exit.USAGE)
    original = current = _text(file, str(file))
    while True:
        current = _in_editor(current, file.name)
        if current == original:
            click.echo(t("cli.profile.unchanged"))
            return 0
        try:
            loads(current, file.name)
        except ProfileProblem as error:
            click.echo(user_error(error), err=True)
            if click.confirm(t("cli.profile.edit_again"), default=True):
                continue
            click.echo(t("cli.profile.unchanged"))
            return int(error.exit_code)
        write_private(file, current)
        click.echo(t("cli.profile.saved", path=str(file)))
        return 0


def _text(file: Path, source: str) -> str:
    """Return a file's text. ProfileInvalid when it is no UTF-8."""
    from glm47_tui.profile import ProfileInvalid
    from glm47_tui.profile.problems import Problem

    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise ProfileInvalid(source, (Problem("", Msg.of("profile.bad.utf8")),)) from None


def _in_editor(text: str, name: str) -> str:
    editor = chosen("VISUAL", "EDITOR", default="vi")
    with tempfile.TemporaryDirectory(prefix="glm47-tui-") as folder:
        copy = Path(folder) / name
        copy.write_text(text, encoding="utf-8")
        try:
            code = run_on(editor, copy)
            detail = t("cli.profile.editor_code", code=code) if code else ""
        except (OSError, ValueError) as error:
            detail = getattr(error, "strerror", None) or str(error)
        if detail:
            raise UserError(
                Msg.of("cli.profile.no_editor", editor=editor[0], detail=detail),
                fix=Msg.of("cli.profile.no_editor_fix"),
                exit_code=Exit.USAGE,
            )
        return _text(copy, name)
