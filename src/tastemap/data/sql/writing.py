"""Rows into a table of a database, all or none."""

from __future__ import annotations

import polars as pl

from tastemap.data.sql import sqlite
from tastemap.data.sql.query import parts_of
from tastemap.data.sql.urls import DatabaseUrl
from tastemap.errors import InvalidValueError

KEY = ("user_id", "rank")
"""What tells the rows of lists apart; a table that is made gets it as its primary key."""
TYPES = (pl.Int64, pl.Float64, pl.Boolean, pl.String)


def check_target(url: str, table: str | None) -> None:
    """Refuse early what :func:`write_rows` would refuse of its arguments; nothing is connected to.

    Raises
    ------
    InvalidValueError
        If the URL is none that is taken, or `table` no name, or one of a schema that SQLite does not have.
    """
    target = DatabaseUrl.of(url, argument="out")
    if table is None:
        raise InvalidValueError(
            "table (--table) must name the table to write to in a database; its rows are replaced.",
            argument="table",
        )
    if target.path is not None:
        sqlite.only_name(table)
    else:
        parts_of(table)


def write_rows(frame: pl.DataFrame, url: str, table: str) -> None:
    """Put the rows of a frame in the place of all rows of a table, which is made if need be; one transaction.

    *Stability: caller-stable.*

    Whoever reads the table sees all old rows or all new ones, and if the process is killed on the way, or the
    connection is lost, the old ones.

    Parameters
    ----------
    frame : DataFrame
        Columns of integers, floats, booleans and text.
    url : str
        ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
    table : str
        A name, perhaps with a schema before it (of SQLite: main). A table that is there must have the columns
        of `frame`; others of it get their defaults.

    Raises
    ------
    InvalidValueError
        If an argument is not allowed, or the table has other columns.
    DatabaseError
        If the database cannot be written; the rows before it stay.
    """
    check_target(url, table)
    frame = frame.with_columns(_plain(name, dtype) for name, dtype in frame.schema.items())
    odd = [name for name, dtype in frame.schema.items() if type(dtype) not in TYPES]
    if odd:
        raise InvalidValueError(
            f"A table cannot hold the column {odd[0]}, of type {frame.schema[odd[0]]}; leave it out, or write "
            "a .parquet file.",
            argument="frame",
        )
    key = KEY if set(KEY) <= set(frame.columns) else ()
    target = DatabaseUrl.of(url, argument="out")
    if target.path is not None:
        sqlite.replace_rows(target.path, table, frame, key)
        return
    from tastemap.data.sql import postgres_writing

    postgres_writing.replace_rows(target, table, frame, key)


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_integer():
        return column.cast(pl.Int64)
    if dtype.is_float():
        return column.cast(pl.Float64)
    return column.cast(pl.String) if dtype in (pl.Null, pl.Categorical, pl.Enum) else column
