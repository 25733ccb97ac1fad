"""Errors put into lines for a terminal."""

from __future__ import annotations

import errno

import click

from glm47_tui.errors import UserError
from glm47_tui.i18n import t


def labelled(label: str, words: str) -> str:
    """Put a label in front: a full-width colon brings its own space."""
    name = t(f"cli.error.{label}")
    return f"{name}{words}" if name.endswith("\uff1a") else f"{name} {words}"


def named(name: str) -> str:
    """Put a name in front of what is said of it: the language has its own colon."""
    return t("cli.check.of", name=name)


def user_error(error: UserError) -> str:
    """What happened and where, why, what to do: one line each, labelled."""
    node = f"{error.node}: " if error.node else ""
    lines = [labelled("label", f"{node}{t(error.what)}")]
    problems = getattr(error, "problems", ())
    lines.extend(f"  - {problem}" for problem in problems)
    if error.why is not None:
        lines.append(labelled("why", t(error.why)))
    if error.fix is not None:
        lines.append(labelled("fix", t(error.fix)))
    return "\n".join(lines)


def os_error(error: OSError) -> str:
    """What this machine refused, where, and what to do (a full disk, missing rights)."""
    detail = error.strerror or str(error)
    if error.filename:
        lines = [labelled("label", t("cli.error.os", path=str(error.filename), detail=detail))]
    else:
        lines = [labelled("label", t("cli.error.os_nowhere", detail=detail))]
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        lines.append(labelled("fix", t("cli.error.os_full_fix")))
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        lines.append(labelled("fix", t("cli.error.os_denied_fix")))
    return "\n".join(lines)


def usage_error(error: click.ClickException) -> str:
    """Put click's complaints into the user's language, and name the help to read."""
    lines = [labelled("label", _what(error))]
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        lines.append(t("cli.error.see_help", command=ctx.command_path))
    return "\n".join(lines)


def _what(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        near = ", ".join(error.possibilities or ())
        key = "no_option_near" if near else "no_option"
        return t(f"cli.error.{key}", option=error.option_name, near=near)
    if isinstance(error, click.MissingParameter):
        param = error.param
        name = param.make_metavar(error.ctx) if param is not None and error.ctx else ""
        return t("cli.error.missing", name=name)
    if isinstance(error, click.BadParameter):
        param = error.param
        name = param.opts[0] if param is not None and param.opts else ""
        return t("cli.error.bad_value", name=name, detail=error.message)
    if isinstance(error, click.UsageError) and error.message.startswith("No such command"):
        word = error.message.partition("'")[2].rpartition("'")[0]
        return t("cli.error.no_command", word=word)
    if isinstance(error, click.UsageError) and "unexpected extra argument" in error.message:
        words = error.message.partition("(")[2].rpartition(")")[0].removeprefix("s) (")
        return t("cli.error.extra", words=words)
    return error.format_message()
