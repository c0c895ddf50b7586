"""SQLite: one snapshot for reading, one transaction for writing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from tastemap.data.sql.query import Since, near_tables, parts_of, quoted, wrapped
from tastemap.errors import (
    ColumnError,
    DatabaseError,
    DataError,
    InvalidValueError,
    SourceNotFoundError,
    TastemapError,
    did_you_mean,
)

BUSY_S = 30.0
"""How long a read or a write waits for the lock of another process."""
BATCH = 50_000
"""Rows that are turned into columns at a time."""
HEAD = b"SQLite format 3\0"
TYPES = {pl.Int64: "INTEGER", pl.Float64: "REAL", pl.Boolean: "INTEGER", pl.String: "TEXT"}


class SqliteReader:
    """A snapshot of a file, in which nothing can be written."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def tables(self) -> list[str]:
        """Tables and views, by name."""
        found = self._connection.execute(
            "SELECT name FROM sqlite_master "
            "WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        return [name for (name,) in found]

    def names(self, select: str) -> tuple[str, ...]:
        """The columns that a statement gives."""
        with self._told():
            cursor = self._connection.execute(f"{wrapped(select, '*')} LIMIT 0")
            return tuple(column[0] for column in cursor.description)

    def fetch(self, select: str, names: Sequence[str], since: Since | None = None) -> pl.DataFrame:
        """The rows of some columns, read in batches.

        Raises
        ------
        ColumnError
            If a column holds bytes.
        """
        sql = wrapped(select, ", ".join(map(quoted, names)))
        given: tuple[object, ...] = ()
        if since is not None:
            # Texts by their bytes, as watermarks are compared: a column may say to leave case out.
            order = " COLLATE BINARY" if isinstance(since.value, str) else ""
            sql, given = f"{sql} WHERE {quoted(since.column)}{order} >= ?", (since.value,)
        columns: list[list[pl.Series]] = [[] for _ in names]
        with self._told():
            cursor = self._connection.execute(sql, given)
            while rows := cursor.fetchmany(BATCH):
                for name, kept, values in zip(names, columns, zip(*rows, strict=True), strict=True):
                    kept.append(_series(name, values, self._path.name))
        return pl.DataFrame([_joined(name, kept) for name, kept in zip(names, columns, strict=True)])

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:  # Python 3.11 warns of a second statement
            raise self._sentence(error) from error

    def _sentence(self, error: Exception) -> TastemapError:
        said, label = str(error), self._path.name
        missing = re.match(r"no such (table|column): (.+)", said)
        if missing and missing[1] == "table":
            name = missing[2].removeprefix("main.")
            return SourceNotFoundError(
                f"{label} has no table {name!r}.{near_tables(name, self.tables())}", table=name
            )
        if missing:
            known = sorted({name for table in self.tables() for name in self._columns_of(table)})
            name = missing[2].rpartition(".")[2]
            return ColumnError(
                f"The query names the column {name!r}, which {label} does not have.{did_you_mean(name, known)}",
                column=name,
            )
        if "syntax error" in said or "incomplete input" in said or "one statement" in said:
            return InvalidValueError(f"query cannot be run by SQLite: {said}. Mend it.", argument="query")
        if "decode" in said:
            return DataError(f"{label} holds text that is not UTF-8: {said}; mend it.")
        return cannot_be_used(self._path, said)

    def _columns_of(self, table: str) -> list[str]:
        return [row[1] for row in self._connection.execute(f"PRAGMA table_info({quoted(table)})")]


@contextmanager
def reading(path: Path) -> Iterator[SqliteReader]:
    """Open a file for reading.

    Raises
    ------
    SourceNotFoundError
        If there is none; lists near matches.
    DatabaseError
        If it is no SQLite database, or cannot be read.
    """
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SourceNotFoundError(
            f"There is no SQLite database {path}.{did_you_mean(path.name, beside)} Check the path.",
            source=str(path),
        )
    try:
        with path.open("rb") as file:
            head = file.read(len(HEAD))
    except OSError as error:
        raise cannot_be_used(path, str(error.strerror)) from error
    if head not in (b"", HEAD):
        raise cannot_be_used(path, "it is no SQLite database")
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield SqliteReader(connection, path)
    except sqlite3.Error as error:
        raise cannot_be_used(path, str(error)) from error
    finally:
        connection.close()


def replace_rows(path: Path, table: str, frame: pl.DataFrame, key: Sequence[str]) -> None:
    """Put the rows of a frame in the place of all rows of a table, which is made if need be; one transaction.

    Raises
    ------
    InvalidValueError
        If a table of this name has not these columns, or the name has another schema than main.
    DatabaseError
        If the file cannot be written; the rows before it stay.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        name = quoted(only_name(table))
        place = f"main.{name}"
        there = [row[1] for row in connection.execute(f"PRAGMA main.table_info({name})")]
        if there:
            check_columns(table, there, frame.columns)
            connection.execute(f"DELETE FROM {place}")
        else:
            columns = [f"{quoted(name)} {TYPES[type(dtype)]}" for name, dtype in frame.schema.items()]
            keys = [f"PRIMARY KEY ({', '.join(map(quoted, key))})"] if key else []
            connection.execute(f"CREATE TABLE {place} ({', '.join([*columns, *keys])})")
        names, marks = ", ".join(map(quoted, frame.columns)), ", ".join("?" * frame.width)
        connection.executemany(f"INSERT INTO {place} ({names}) VALUES ({marks})", _rows(frame))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        said = cannot_be_used(path, str(error)).message
        raise DatabaseError(f"{said} The rows of {table} are as they were.") from error
    finally:
        if connection is not None:
            connection.close()  # an open transaction is taken back


def only_name(table: str) -> str:
    """The name of a table of the file, without the schema; what is written to temp would be lost.

    Raises
    ------
    InvalidValueError
        If it has another schema than main, or is no name.
    """
    *schema, name = parts_of(table)
    if schema and schema[0].lower() != "main":
        raise InvalidValueError(
            f"table of an SQLite file must be in its only schema, main. Got {table}; leave {schema[0]} out.",
            argument="table",
        )
    return name


def check_columns(table: str, there: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise unless a table has the columns that are to be written: the rows of another one must not be lost.

    Raises
    ------
    InvalidValueError
        If a column is missing.
    """
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InvalidValueError(
            f"table {table} is there and has no column {', '.join(missing)}, so its rows are not replaced. "
            "Name another table, or add the columns.",
            argument="table",
        )


def cannot_be_used(path: Path, why: str) -> DatabaseError:
    """The error of a file that cannot be read or written."""
    return DatabaseError(f"The database {path} cannot be used: {why.rstrip('.')}.")


def _rows(frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    for part in frame.iter_slices(BATCH):
        yield from part.iter_rows()


def _series(name: str, values: Sequence[Any], label: str) -> pl.Series:
    """A batch of one column, in which SQLite keeps values of any type."""
    kinds = {type(value) for value in values} - {type(None)}
    if bytes in kinds:
        raise ColumnError(
            f"Column {name!r} of {label} holds bytes (BLOB): no ids, ratings or times. Convert it in the "
            f"query: CAST({name} AS TEXT).",
            column=name,
        )
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {int}:
        return pl.Series(name, values, dtype=pl.Int64)
    if str not in kinds:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    return pl.Series(name, list(map(_written, values)), dtype=pl.String)


def _joined(name: str, parts: Sequence[pl.Series]) -> pl.Series:
    """Batches as one column: text where any is text, else floats where any is."""
    found = {part.dtype for part in parts}
    dtype = next((one for one in (pl.String, pl.Float64, pl.Int64) if one in found), pl.Null)
    if dtype == pl.String:
        parts = [pl.Series(name, list(map(_written, part)), dtype=dtype) for part in parts]
    return pl.concat([pl.Series(name, [], dtype=dtype), *(part.cast(dtype) for part in parts)])


def _written(value: Any) -> str | None:
    """A value beside texts: 9.0 as 9, so that a user is the same one with and without a text in the column."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        return str(int(value))
    return None if value is None else str(value)
