"""What commands print: tables and sentences for people, or one JSON document."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import polars as pl


def print_json(document: object) -> None:
    """Print one JSON document; numbers that JSON does not know (NaN, infinities) become null."""
    typer.echo(json.dumps(_plain(document), ensure_ascii=False))


def print_error(
    message: str,
    code: str,
    *,
    as_json: bool = False,
    details: Mapping[str, object] | None = None,
    hint: str | None = None,
) -> int:
    """Print an error on stderr, with ``--json`` its body on stdout as well; returns the exit status 1."""
    if as_json:
        print_json({"error": {"code": code, "message": message, "details": dict(details or {})}})
    typer.echo(f"Error: {message}", err=True)
    if hint:
        typer.echo(hint, err=True)
    return 1


def say(sentence: str) -> None:
    """Print a sentence for people on stderr, so that it never mixes with data on stdout."""
    typer.echo(sentence, err=True)


def next_step(command: str) -> None:
    """End with something useful to do next."""
    typer.echo(f"\nNext: {command}", err=True)


def print_table(
    frame: pl.DataFrame, *, title: str | None = None, digits: Mapping[str, int] | None = None
) -> None:
    """Print a frame as an aligned table; floats with 3 digits unless `digits` names the column."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        cells = (
            _cell(value, (digits or {}).get(name, 3)) for name, value in zip(frame.columns, row, strict=True)
        )
        table.add_row(*(Text(cell) for cell in cells))  # Text: brackets in titles are not markup
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)


def records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain dicts."""
    return frame.to_dicts()


def _cell(value: object, digits: int) -> str:
    if value is None:
        return ""
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
