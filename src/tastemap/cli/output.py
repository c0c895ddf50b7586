"""What commands print: tables and sentences for people, or one JSON document."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

from tastemap.errors import without_passwords

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

PIPE_WIDTH = 160
"""Columns of a table where no terminal says how many there are."""


def print_json(document: object) -> None:
    """Print one JSON document; numbers that JSON does not know (NaN, infinities) become null."""
    typer.echo(json.dumps(_plain(document), ensure_ascii=False))


def print_error(
    message: str,
    code: str,
    *,
    status: int = 1,
    as_json: bool = False,
    details: Mapping[str, object] | None = None,
    hint: str | None = None,
) -> int:
    """Print an error on stderr, with ``--json`` its body on stdout as well; returns `status`."""
    message = without_passwords(message)  # what was typed may stand in it
    if as_json:
        print_json({"error": {"code": code, "message": message, "details": dict(details or {})}})
    typer.echo(f"Error: {message}", err=True)
    if hint:
        typer.echo(hint, err=True)
    return status


def say(sentence: str) -> None:
    """Print a sentence for people on stderr, so that it never mixes with data on stdout."""
    typer.echo(sentence, err=True)


def next_step(*arguments: object) -> None:
    """End with a command that is useful next, quoted as a shell needs it."""
    import shlex

    typer.echo(f"\nNext: tastemap {without_passwords(shlex.join(map(str, arguments)))}", err=True)


def to_terminal() -> bool:
    """Whether somebody reads standard output; otherwise a file or a program does."""
    return sys.stdout.isatty()


def print_table(
    frame: pl.DataFrame, *, title: str | None = None, digits: Mapping[str, int] | None = None
) -> None:
    """Print a frame as an aligned table; columns without a single value are left out.

    Floats have 3 digits unless `digits` names the column.
    """
    shown = [name for name in frame.columns if not len(frame) or frame[name].null_count() < len(frame)]
    rows = [
        [_cell(name, value, (digits or {}).get(name, 3)) for name, value in zip(shown, row, strict=True)]
        for row in frame.select(shown).iter_rows()
    ]
    numeric = {name for name in shown if frame.schema[name].is_numeric()}
    print_cells(shown, rows, right=numeric, title=title)


def print_cells(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str], title: str | None = None
) -> None:
    """Print rows of text as one aligned table; long texts are folded where the terminal is narrow."""
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    console = _console()
    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    # Three blanks stand between columns, and one on each side of the table.
    fits = 0 < sum(widths) + 3 * len(widths) - 1 <= console.width
    fits = fits and all(cell.isprintable() for row in rows for cell in row)
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for name, width in zip(names, widths, strict=True):
        side: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(name, justify=side, overflow="fold", min_width=width if fits else None)
    for row in () if fits else rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: brackets in titles are not markup
    with console.capture() as drawn:
        console.print(table)
    *lines, foot = drawn.get().splitlines() or [""]
    # Rich takes most of a millisecond for a row, so it draws only those that must be folded.
    for row in rows if fits else ():
        blanks = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        padded = (
            blank + cell if name in right else cell + blank
            for name, cell, blank in zip(names, row, blanks, strict=True)
        )
        lines.append(f" {'   '.join(padded)} ")
    typer.echo("\n".join([*lines, foot]))


def print_blocks(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that may be wider than the terminal: in blocks of columns, the first one in each."""
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    limit, blocks = _console().width, [[0]]
    for column in range(1, len(names)):
        # Three blanks stand between columns, and one on each side of the table.
        wide = sum(widths[place] + 3 for place in [*blocks[-1], column]) - 1
        if wide > limit and len(blocks[-1]) > 1:
            blocks.append([0])
        blocks[-1].append(column)
    for block in blocks:
        chosen = [names[place] for place in block]
        print_cells(chosen, [[row[place] for place in block] for row in rows], right=set(chosen[1:]))


def is_wide_enough(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the terminal shows a table without folding a text."""
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return sum(widths) + 3 * len(widths) - 1 <= _console().width


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print names and texts, one below the other, long texts wrapped beside their names."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(Text(name), Text(text))
    _console().print(table)


def _console() -> Console:
    from rich.console import Console

    is_set = "COLUMNS" in os.environ or to_terminal()
    return Console(width=None if is_set else PIPE_WIDTH, highlight=False)


def records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain dicts."""
    return frame.to_dicts()


def _cell(name: str, value: object, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.startswith("n_"):  # a count; ids have no thousands
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    return str(value)
