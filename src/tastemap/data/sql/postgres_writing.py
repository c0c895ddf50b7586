"""Writing to PostgreSQL: all rows of a table replaced in one transaction, by COPY."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from tastemap.data.sql.postgres import connected
from tastemap.data.sql.query import quoted, quoted_table
from tastemap.data.sql.sqlite import check_columns
from tastemap.data.sql.urls import DatabaseUrl
from tastemap.errors import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

BATCH = 100_000
"""Rows that are written as CSV at a time."""
TYPES = {pl.Int64: "bigint", pl.Float64: "double precision", pl.Boolean: "boolean", pl.String: "text"}
COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
)


def replace_rows(url: DatabaseUrl, table: str, frame: pl.DataFrame, key: Sequence[str]) -> None:
    """Put the rows of a frame in the place of all rows of a table; make the table if need be.

    Readers see the old rows until all new ones are there, and are never held up. Rights, indexes and views of
    the table stay, since it is not made anew. Two writers take turns.

    Raises
    ------
    InvalidValueError
        If a table of this name has not these columns.
    DatabaseError
        If the server refuses or is lost; the rows before it stay.
    """
    place = quoted_table(table)
    try:
        with connected(url, read_only=False) as connection:
            is_new = _prepared(connection, table, place, frame)
            names = ", ".join(map(quoted, frame.columns))
            with connection.cursor().copy(_sql(f"COPY {place} ({names}) FROM STDIN (FORMAT csv)")) as copy:
                for part in frame.iter_slices(BATCH):
                    copy.write(part.write_csv(include_header=False))
            if is_new and key:  # after the rows: one sort is quicker than an entry for each
                connection.execute(_sql(f"ALTER TABLE {place} ADD PRIMARY KEY ({', '.join(map(quoted, key))})"))
            _commit(connection, url, table)
    except DatabaseError as error:
        if error.details.get("is_last_step"):
            raise
        said = error.message.partition(" Nothing was kept;")[0]
        raise DatabaseError(f"{said} The rows of {table} are as they were; run the command again.") from error


def _commit(connection: Connection[Any], url: DatabaseUrl, table: str) -> None:
    """Make the rows visible; where the answer is lost, nobody here knows whether they are."""
    from psycopg import OperationalError

    try:
        connection.commit()
    except OperationalError as error:
        raise DatabaseError(
            f"The connection to {url.shown} was lost at the last step: {table} holds all old rows or all "
            "new ones. Run the command again.",
            is_last_step=True,
        ) from error


def _prepared(connection: Connection[Any], table: str, place: str, frame: pl.DataFrame) -> bool:
    """Empty the table, or make it; whether it is new."""
    there = [name for (name,) in connection.execute(COLUMNS, [place])]
    if there:
        check_columns(table, there, frame.columns)
        connection.execute(_sql(f"LOCK TABLE {place} IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(_sql(f"DELETE FROM {place}"))
        return False
    columns = ", ".join(f"{quoted(name)} {TYPES[type(dtype)]}" for name, dtype in frame.schema.items())
    connection.execute(_sql(f"CREATE TABLE {place} ({columns})"))
    return True


def _sql(text: str) -> bytes:
    """A statement that was put together here, of quoted names."""
    return text.encode()
