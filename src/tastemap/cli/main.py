"""The application: its commands, and how errors leave it."""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib.metadata import version
from typing import Annotated

import typer

from tastemap.cli import (
    compare,
    data,
    evaluate,
    explain,
    fit,
    info,
    inspect,
    keys,
    plan,
    predict,
    rate,
    recommend,
    refit,
    reproduce,
    serve,
    similar,
)
from tastemap.cli.output import print_error
from tastemap.cli.progress import TerminalProgress
from tastemap.cli.typed import Typed, process_start
from tastemap.errors import FilterError, InvalidValueError, TastemapError, UnknownNameError
from tastemap.progress import announce_compilation

INTERRUPTED = 130
WRONG_USAGE = (InvalidValueError, UnknownNameError, FilterError)
"""What the library says of values and names that it would never take; other errors are about data and files."""

app = typer.Typer(
    name="tastemap",
    help="From a table of ratings or interactions to a recommender: fit, evaluate, recommend, explain.",
    epilog="Start with: tastemap fit ml-100k --model als",
    rich_markup_mode=None,  # plain help is narrower, and the same on a pipe
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(keys.app, name="keys")
for module in (
    plan,
    fit,
    evaluate,
    info,
    predict,
    recommend,
    similar,
    explain,
    inspect,
    compare,
    rate,
    reproduce,
    serve,
    refit,
):
    app.command(module.NAME, epilog=f"Example: {module.EXAMPLE}")(module.command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tastemap {version('tastemap')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """From a table of ratings or interactions to a recommender: fit, evaluate, recommend, explain."""


def main() -> None:
    """Run the command line: exit status 0 fine, 1 could not do it, 2 wrong usage."""
    # Importing libraries makes many objects and no garbage; looking for some costs a tenth of a short command.
    gc.set_threshold(100_000)
    sys.exit(run(sys.argv[1:], started=process_start()))


def run(arguments: list[str], *, started: float | None = None) -> int:
    """Run one command and return its exit status; every failure is one sentence on stderr.

    A budget of time counts from `started`, by ``perf_counter``; None: from now.
    """
    typed = Typed.of(arguments, time.perf_counter() if started is None else started)
    as_json = "--json" in arguments
    try:
        # Commands that name what to type next find in `obj` what was typed.
        with announce_compilation(TerminalProgress(quiet=as_json)):
            status = app(arguments, prog_name="tastemap", standalone_mode=False, obj=typed)
    except typer.Abort:  # what Typer makes of Ctrl-C
        return print_error("Stopped; what was saved before is unharmed.", "interrupted", as_json=as_json)
    except KeyboardInterrupt:
        return print_error("Stopped; what was saved before is unharmed.", "interrupted", as_json=as_json)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # which Typer keeps private; its message is the help
            typer.echo(error.format_message(), err=True)
        else:
            hint = _usage_hint(error)
            print_error(error.format_message(), "usage", status=2, as_json=as_json, hint=hint)
        return 2
    except BrokenPipeError:
        # The reader (such as `head`) has gone; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _tell_failure(error, as_json=as_json)
    if status == INTERRUPTED:  # what Typer makes of Ctrl-C
        return print_error("Stopped; what was saved before is unharmed.", "interrupted", as_json=as_json)
    return status if isinstance(status, int) else 0


def _tell_failure(error: Exception, *, as_json: bool) -> int:
    """One sentence for whatever went wrong; exit status 2 if the command line was, else 1."""
    if isinstance(error, TastemapError):
        status = 2 if isinstance(error, WRONG_USAGE) else 1
        return print_error(error.message, error.code, status=status, as_json=as_json, details=error.details)
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return print_error(f"{error.strerror or error}{place}.", "system", as_json=as_json)
    if isinstance(error, MemoryError):
        return print_error("Not enough memory; use a smaller model or fewer rows.", "memory", as_json=as_json)
    if os.environ.get("TASTEMAP_DEBUG"):
        raise error
    return print_error(
        f"Internal error, a defect of Tastemap: {type(error).__name__}: {error}. "
        "Run again with TASTEMAP_DEBUG=1 for the details to report.",
        "internal",
        as_json=as_json,
    )


def _usage_hint(error: typer.TyperException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"Try: {context.command_path} --help" if context is not None else None
