"""Entry point: language, parsing, and every error in the user's words with its exit code."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import click

from glm47_tui.cli import state
from glm47_tui.cli.main import root
from glm47_tui.cli.words import usage_error
from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import LANGUAGES, choose_language, set_language, t
from glm47_tui.i18n.choose import parse_language

INTERNAL = 1
"""Exit code of an error of the program itself."""


def take_language(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """Take ``--lang X`` out of the words, wherever it stands: (the other words, X).

    Done before anything is parsed, so that errors and help speak that language too.
    """
    rest: list[str] = []
    found: str | None = None
    words = iter(argv)
    for word in words:
        if word == "--":
            return [*rest, word, *words], found
        if word == "--lang":
            found = next(words, "")
        elif word.startswith("--lang="):
            found = word.partition("=")[2]
        else:
            rest.append(word)
    return rest, found


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    _print_anything()
    threading.excepthook = _thread_ended
    args, flag = take_language(sys.argv[1:] if argv is None else argv)
    set_language(choose_language(flag=flag))
    state.language_chosen = flag is not None
    if flag is not None and parse_language(flag) is None:
        from glm47_tui.cli.words import labelled

        words = t("cli.error.language", word=flag, known=", ".join(LANGUAGES))
        click.echo(labelled("label", words), err=True)
        sys.exit(int(Exit.USAGE))
    sys.exit(_flushed(_guarded(args)))


def _print_anything() -> None:
    """A terminal that lacks a character (GBK, Latin-1) shows a ?, and the work goes on.

    Standard error, too: the app is drawn there, and six signs in the place of one (Python's own
    way there) would move all that stands behind it.
    """
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, io.TextIOWrapper) and out.errors in ("strict", "backslashreplace"):
            out.reconfigure(errors="replace")


def _thread_ended(bug: threading.ExceptHookArgs) -> None:
    """A thread ended by a bug: as everywhere, a line and a private file, no traceback."""
    from glm47_tui.cli.crash import report

    if bug.exc_value is not None:
        click.echo(report(bug.exc_value), err=True)


def _guarded(args: list[str]) -> int:  # noqa: PLR0911 - one line a kind of end
    try:
        result = root.main(args, prog_name="glm47-tui", standalone_mode=False)
    except UserError as error:
        return _say_user_error(error)
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        click.echo(usage_error(error), err=True)
        return int(Exit.USAGE)
    except KeyboardInterrupt:
        return _interrupted()
    except (BrokenPipeError, SystemExit):
        # The reader has gone (`| head`): nothing to say. (click makes an exit with 1 of it.)
        _give_up_output()
        return int(Exit.OK)
    except OSError as error:
        from glm47_tui.cli.words import os_error

        click.echo(os_error(error), err=True)
        try:
            sys.stdout.flush()
        except OSError:
            _give_up_output()
        return INTERNAL
    except Exception as error:
        from glm47_tui.cli.crash import report

        click.echo(report(error), err=True)
        return INTERNAL
    return int(result) if isinstance(result, int) else int(Exit.OK)


def _flushed(code: int) -> int:
    """Bring out what is still held back; a run keeps its exit code when nobody reads any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_output()
    except OSError as error:
        from glm47_tui.cli.words import os_error

        click.echo(os_error(error), err=True)
        _give_up_output()
        return code or INTERNAL
    return code


def _give_up_output() -> None:
    """What standard output still holds goes nowhere: Python would complain of it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_user_error(error: UserError) -> int:
    from glm47_tui.cli.words import user_error

    click.echo(user_error(error), err=True)
    return int(error.exit_code)


def _interrupted() -> int:
    click.echo(t("cli.error.interrupted"), err=True)
    return int(Exit.INTERRUPTED)
