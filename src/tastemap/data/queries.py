"""Tables that ask a fitted model something: pairs to predict, users to serve, the history of one person."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.columns import ITEM_NAMES, RATING_NAMES, USER_NAMES, find_column, is_usual_name
from tastemap.data.id_map import Id
from tastemap.data.tables import Table, is_empty_row, open_table
from tastemap.data.text_format import OneColumnError
from tastemap.errors import ColumnError, DataError, SourceNotFoundError


def read_pairs(path: Path, *, user_col: str | None = None, item_col: str | None = None) -> pl.DataFrame:
    """The rows of a table of pairs, in the order of the file; rows without any field are left out.

    Returns
    -------
    DataFrame
        ``user_id, item_id``, null where the field is empty; then the other columns as they came (text, where
        the file is text), without those whose names are taken by these two.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read as a table, or it has no user or no item column.
    """
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch:
        table = _open(path, Path(scratch), [name for name in (user_col, item_col) if name])
        user = _column(table, user_col, USER_NAMES, "user")
        item = _column(table, item_col, ITEM_NAMES, "item")
        rows = table.collect(table.frame)
    if table.has_surplus and rows["surplus"].is_not_null().any():
        raise table.too_many_fields()
    rows = rows.select(table.names).filter(~is_empty_row(table.is_text))
    ids = pl.DataFrame([_as_ids(table, rows[user], "user"), _as_ids(table, rows[item], "item")])
    return ids.hstack(rows.drop({user, item, *ids.columns}, strict=False))


def read_user_ids(path: Path) -> pl.Series:
    """The users of a table: the column under a usual name, or the only column."""
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch:
        try:
            table = _open(path, Path(scratch), ["user"])
        except OneColumnError:
            return _lines(path).rename("user_id")
        return _ids(table, _column(table, None, USER_NAMES, "user"), "user")


def read_history(path: Path) -> tuple[list[Id], list[float] | None]:
    """Items of one person, and their ratings where the table has a rating column.

    Raises
    ------
    DataError
        If there is no such file, no item column, an id is missing (names the first row), or a rating
        is not a number.
    """
    with tempfile.TemporaryDirectory(prefix="tastemap-") as scratch:
        try:
            table = _open(path, Path(scratch), ["item", "item_id"])
        except OneColumnError:
            return _lines(path).to_list(), None
        items = _ids(table, _column(table, None, ITEM_NAMES, "item"), "item").to_list()
        rating = find_column(table.names, RATING_NAMES)
        if rating is None:
            return items, None
        values = table.collect(table.frame.select(rating))[rating].cast(pl.Float64, strict=False)
        if values.null_count():
            row = int(values.is_null().arg_true()[0])
            raise DataError(f"{table.label}: the rating in {table.place(row)} is not a number; correct it.")
        return items, values.to_list()


def _lines(path: Path) -> pl.Series:
    """The ids of a file with one id a line, perhaps below the name of the column."""
    filled = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return id_columns.from_text(pl.Series(filled[1:] if is_usual_name(filled[0]) else filled, dtype=pl.String))


def _open(path: Path, scratch: Path, named: Sequence[str]) -> Table:
    if path.is_dir():
        raise SourceNotFoundError(f"{str(path)!r} is a folder; name a file.", source=str(path))
    if not path.is_file():
        raise SourceNotFoundError(f"There is no file {str(path)!r}; check the path.", source=str(path))
    return open_table(path, label=path.name, scratch=scratch, named=named)


def _column(table: Table, given: str | None, usual: Sequence[str], side: str) -> str:
    found = given if given is not None else find_column(table.names, usual)
    if found is None or found not in table.names:
        wanted = f"no column {given!r}" if given is not None else f"no {side} column under a usual name"
        raise ColumnError(
            f"{table.label} has {wanted}. Columns found: {', '.join(table.names)}. "
            f"Rename the one that holds the {side} ids to {side}_id.",
            columns=list(table.names),
        )
    return found


def _ids(table: Table, column: str, side: str) -> pl.Series:
    ids = _as_ids(table, table.collect(table.frame.select(column))[column], side)
    if ids.null_count():
        row = int(ids.is_null().arg_true()[0])
        raise DataError(f"{table.label}: the {side} id in {table.place(row)} is missing; every row needs one.")
    return ids


def _as_ids(table: Table, raw: pl.Series, side: str) -> pl.Series:
    if table.is_text:
        return id_columns.from_text(raw).rename(f"{side}_id")
    return id_columns.from_typed(raw, column=raw.name, label=table.label).rename(f"{side}_id")
