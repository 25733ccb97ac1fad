"""Click classes whose texts come from the catalogs, and a group that imports a command when used.

Message ids: ``cli.<command>.help`` (first line is the short help), ``cli.<command>.<parameter>``
for its options and arguments, ``cli.option.<parameter>`` for those many commands share.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from glm47_tui.cli.helptext import Context, with_extras
from glm47_tui.i18n import t
from glm47_tui.i18n.catalog import catalog


def has(id_: str) -> bool:
    """Whether the catalogs hold a text."""
    return id_ in catalog("en", "cli")


def param_help(command: str, param: str) -> str:
    """Return the help of a parameter: the command's own text, or the shared one."""
    own = f"cli.{command}.{param}"
    return t(own) if has(own) else t(f"cli.option.{param}")


class Option(click.Option):
    """An option that finds its words when help is printed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("help", "")
        super().__init__(*args, **kwargs)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return (names, words)."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        facts = self.get_help_extra(ctx)
        extras = [(kind, facts[kind]) for kind in ("default", "range") if kind in facts]
        return record[0], with_extras(param_help(_key(ctx), self.name or ""), extras)


def _key(ctx: click.Context) -> str:
    """Return ``profile.show`` for ``glm47-tui profile show``, ``main`` for the top."""
    names: list[str] = []
    here: click.Context | None = ctx
    while here is not None and here.parent is not None:
        names.append(here.info_name or "")
        here = here.parent
    return ".".join(reversed(names)).replace("-", "_") or "main"


@contextmanager
def _section(formatter: click.HelpFormatter, heading: str) -> Iterator[None]:
    """Open a section as click does, with the heading's own colon (Chinese has a wide one)."""
    formatter.write_paragraph()
    formatter.write(f"{t(f'cli.heading.{heading}')}\n")
    with formatter.indentation():
        yield


class _Words:
    """What commands and groups share: usage, help and headings from the catalogs."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, text, arguments, options."""
        self.format_usage(ctx, formatter)
        key = _key(ctx)
        text = t(f"cli.{key}.help")
        formatter.write_paragraph()
        with formatter.indentation():
            for number, block in enumerate(text.strip().split("\n\n")):
                if number:
                    formatter.write_paragraph()
                formatter.write_text(block.replace("\n", " "))
        self._format_arguments(ctx, formatter, key)
        self.format_options(ctx, formatter)
        if has(f"cli.{key}.examples"):
            with _section(formatter, "examples"):
                for line in t(f"cli.{key}.examples").strip().splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line."""
        pieces = self.collect_usage_pieces(ctx)  # type: ignore[attr-defined]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=t("cli.heading.usage"))

    def _format_arguments(
        self, ctx: click.Context, formatter: click.HelpFormatter, key: str
    ) -> None:
        params: list[click.Parameter] = self.get_params(ctx)  # type: ignore[attr-defined]
        rows = [
            (p.make_metavar(ctx), param_help(key, p.name or ""))
            for p in params
            if isinstance(p, click.Argument)
        ]
        if rows:
            with _section(formatter, "arguments"):
                formatter.write_dl(rows)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and a group's commands after them."""
        params: list[click.Parameter] = self.get_params(ctx)  # type: ignore[attr-defined]
        rows = []
        for param in params:
            record = None if isinstance(param, click.Argument) else param.get_help_record(ctx)
            if record is not None:
                if "--help" in param.opts:
                    record = (record[0], t("cli.option.help"))
                rows.append(record)
        if rows:
            with _section(formatter, "options"):
                formatter.write_dl(rows)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class Command(_Words, click.Command):
    """One verb."""

    context_class = Context


class Group(_Words, click.Group):
    """A verb with verbs below it, or the program itself.

    ``lazy`` maps names to ``module:attribute``; a module is imported when its verb is called.
    """

    context_class = Context

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they were given, which is the order of use."""
        del ctx
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a verb, None when there is none of that name."""
        if cmd_name in self._lazy:
            module, _, attribute = self._lazy[cmd_name].partition(":")
            command = getattr(import_module(module), attribute)
            assert isinstance(command, click.Command)  # noqa: S101 - our own table
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and first lines from the catalogs: nothing is imported for help."""
        key = _key(ctx)
        prefix = "cli." if key == "main" else f"cli.{key}."
        rows = [
            (name, t(f"{prefix}{name.replace('-', '_')}.help").strip().split("\n", 1)[0])
            for name in self.list_commands(ctx)
        ]
        with _section(formatter, "commands"):
            formatter.write_dl(rows)


def is_terminal() -> bool:
    """Whether the app can run here: it reads keys, and Textual draws on standard error."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and not is_dumb()


def is_dumb() -> bool:
    """Whether the terminal says of itself that it can place nothing (a shell in an editor)."""
    return os.environ.get("TERM", "") in ("dumb", "unknown")


def no_terminal_words() -> str:
    """Why the app cannot run here, and what to do instead."""
    if all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)) and is_dumb():
        return t("cli.error.dumb_terminal", term=os.environ["TERM"])
    return t("cli.error.no_terminal")


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(*names: str, **kwargs: Any) -> Decorator:
    """Declare an option; its help comes from the catalogs."""
    return click.option(*names, cls=Option, **kwargs)


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a verb."""
    return click.command(name, cls=Command)


def profile_argument(required: bool = True) -> Decorator:
    """Declare the PROFILE argument: a file or the name of a saved profile."""
    metavar = "PROFILE" if required else "[PROFILE]"
    return click.argument("profile", metavar=metavar, required=required)
