"""From an opened table to clean columns: ids, values and times, with every row accounted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.data import ids as id_columns
from tastemap.data.columns import Columns
from tastemap.data.tables import Table, is_empty_row
from tastemap.data.times import TimeForm
from tastemap.errors import ColumnError, DataError
from tastemap.linalg.types import BoolArray, Float32Array, Int64Array

A_TIME = "a time, in seconds since 1970 or as an ISO 8601 datetime"
SHOWN = 3
"""Bad rows that a message names."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table that can be interactions.

    Parameters
    ----------
    users, items : Series of shape (n,)
        Ids, int64 or text, none missing.
    values : array of shape (n,), float32
        Finite ratings, or positive counts.
    timestamps : array of shape (n,), int64, or None
        Seconds since 1970, UTC.
    n_rows : int
        Rows of the source, empty lines included.
    dropped : dict of str to int
    notes : tuple of str
    """

    users: pl.Series
    items: pl.Series
    values: Float32Array
    timestamps: Int64Array | None
    n_rows: int
    dropped: dict[str, int]
    notes: tuple[str, ...]


def read_rows(
    table: Table, columns: Columns, *, has_given_time: bool = False, time_form: TimeForm | None = None
) -> Rows:
    """Read the columns that matter, in one streaming pass where ids are integers.

    Parameters
    ----------
    table : Table
    columns : Columns
    has_given_time : bool
        Whether the caller named the time column. One that was only recognized by its name is
        left aside, with a note, if none of its values is a time.
    time_form : TimeForm or None
        How times are written, where more is known than this table shows: then each row needs one.

    Raises
    ------
    DataError
        If there is no row, or a rating or a time cannot be read; names the first three rows.
    """
    read = table.collect(table.frame.select(_expressions(table, columns)))
    if not len(read):
        raise DataError(f"{table.label} has no rows; give a table with one interaction per row.")
    if table.has_surplus and read["surplus"].any():
        raise table.too_many_fields()
    n_rows = len(read) + table.n_skipped
    users, items = (_ids(table, read, side, getattr(columns, side)) for side in ("user", "item"))
    keep, dropped = _with_both_ids(table, users, items)
    times, kept_with_time, notes = _times(table, read, columns, keep, has_given_time, time_form)
    _count(dropped, "no time", keep & ~kept_with_time)
    keep = kept_with_time
    values = _values(table, read, columns, keep)
    if columns.is_count:
        positive = values > 0
        _count(dropped, "count not above zero", keep & ~positive)
        keep &= positive
    if not keep.all():
        kept = pl.Series(keep)
        users, items, values = users.filter(kept), items.filter(kept), values[keep]
        times = None if times is None else times[keep]
    return Rows(users, items, values, times, n_rows, dropped, columns.notes + notes)


def _expressions(table: Table, columns: Columns) -> list[pl.Expr]:
    """What one pass reads: numbers beside flags that say where a text was no canonical number."""
    if not table.is_text:
        wanted = {"user": columns.user, "item": columns.item, "value": columns.value, "time": columns.time}
        return [pl.col(name).alias(role) for role, name in wanted.items() if name is not None]
    made = [pl.col("surplus").is_not_null()] if table.has_surplus else []
    for side, name in (("user", columns.user), ("item", columns.item)):
        made += [
            pl.col(name).cast(pl.Int64, strict=False).alias(side),
            id_columns.is_odd(name).alias(f"{side}_odd"),
        ]
    if columns.value is not None:
        made.append(pl.col(columns.value).cast(pl.Float32, strict=False).alias("value"))
    if columns.time is not None:
        whole = pl.col(columns.time).cast(pl.Int64, strict=False)
        made += [whole.alias("time"), (whole.is_null() & pl.col(columns.time).is_not_null()).alias("time_odd")]
    return made


def _ids(table: Table, read: pl.DataFrame, side: str, column: str) -> pl.Series:
    if not table.is_text:
        return id_columns.from_typed(read[side], column=column, label=table.label)
    if not read[f"{side}_odd"].any():
        return read[side]
    return id_columns.from_text(_column(table, column))


def _column(table: Table, column: str) -> pl.Series:
    return table.collect(table.frame.select(pl.col(column))).to_series()


def _with_both_ids(table: Table, users: pl.Series, items: pl.Series) -> tuple[BoolArray, dict[str, int]]:
    """Which rows have a user and an item, and why the others are dropped."""
    dropped: dict[str, int] = {}
    if not users.null_count() and not items.null_count():
        if table.n_skipped:
            dropped["empty line"] = table.n_skipped
        return np.ones(len(users), bool), dropped
    has_user, has_item = users.is_not_null().to_numpy(), items.is_not_null().to_numpy()
    n_empty = 0
    if table.is_text:
        n_empty = int(table.collect(table.frame.select(is_empty_row(is_text=True).sum())).item())
    counts = {
        "empty line": n_empty + table.n_skipped,
        "no user id": int((~has_user).sum()) - n_empty,
        "no item id": int((has_user & ~has_item).sum()),
    }
    return has_user & has_item, {reason: count for reason, count in counts.items() if count}


def _count(dropped: dict[str, int], reason: str, rows: BoolArray) -> None:
    if rows.any():
        dropped[reason] = int(rows.sum())


def _values(table: Table, read: pl.DataFrame, columns: Columns, keep: BoolArray) -> Float32Array:
    if columns.value is None:
        return np.ones(len(read), np.float32)
    series = read["value"]
    if series.dtype == pl.String:
        series = series.str.strip_chars()
    elif not series.dtype.is_numeric() and series.dtype not in (pl.Boolean, pl.Null):
        raise ColumnError(
            f"Column {columns.value!r} of {table.label} must hold numbers. Got {series.dtype}; convert it.",
            column=columns.value,
        )
    if table.is_text and series.null_count():
        series = _column(table, columns.value).str.strip_chars()
    values: Float32Array = series.cast(pl.Float32, strict=False).fill_null(np.nan).to_numpy()
    bad = keep & ~np.isfinite(values)
    if bad.any():
        what = "count" if columns.is_count else "rating"
        raise _bad_rows(
            table, columns.value, bad, f"a finite number, as a {what} must be", _decimal_hint(series)
        )
    return values


def _decimal_hint(series: pl.Series) -> str:
    has_comma = series.dtype == pl.String and bool(series.str.contains(r"^\d+,\d+$").any())
    return "write decimals with a point" if has_comma else "mend or remove these rows"


def _times(
    table: Table,
    read: pl.DataFrame,
    columns: Columns,
    keep: BoolArray,
    has_given_time: bool,
    time_form: TimeForm | None,
) -> tuple[Int64Array | None, BoolArray, tuple[str, ...]]:
    """Seconds of each row, which rows stay, and notes; a row without a time goes where others have one."""
    if columns.time is None:
        return None, keep, ()
    raw = read["time"]
    if table.is_text and read["time_odd"].any():
        raw = _column(table, columns.time)
        raw = raw.set(raw.str.strip_chars() == "", None)
    form = TimeForm.of(raw) if time_form is None else time_form
    seconds = form.seconds(raw)
    has_time = seconds.is_not_null().to_numpy()
    unread = keep & ~has_time & raw.is_not_null().to_numpy()
    if time_form is None and not (keep & has_time).any() and not (has_given_time and unread.any()):
        return None, keep, (unused_time(columns.time, is_empty=not unread.any()),)
    if unread.any():
        raise _bad_rows(table, columns.time, unread, A_TIME, "mend or remove these rows")
    return seconds.fill_null(0).to_numpy(), keep & has_time, () if form.note is None else (form.note,)


def unused_time(column: str, *, is_empty: bool) -> str:
    """The note about a column that was recognized as the time by its name only."""
    why = "it is empty" if is_empty else "none of its values is a time"
    return f"Column {column!r} is not used as the time: {why}."


def _bad_rows(table: Table, column: str, bad: BoolArray, allowed: str, remedy: str) -> DataError:
    """The error that shows the first three bad values with their places."""
    rows = [int(row) for row in np.flatnonzero(bad)[:SHOWN]]
    shown = [f"{table.place(row)}: {_shown(table, column, row)}" for row in rows]
    n_bad = int(bad.sum())
    more = f" and {n_bad - SHOWN:,} more" if n_bad > SHOWN else ""
    return DataError(
        f"Column {column!r} of {table.label} must be {allowed}. Got {'; '.join(shown)}{more}; {remedy}.",
        column=column,
        rows=[row + table.first for row in rows],
        n_bad=n_bad,
    )


def _shown(table: Table, column: str, row: int) -> str:
    value = table.collect(table.frame.select(pl.col(column)).slice(row, 1)).item()
    return "nothing" if value is None or value == "" else repr(value)
