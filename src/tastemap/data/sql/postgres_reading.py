"""Reading from PostgreSQL: by COPY, as CSV in blocks, into typed columns."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tastemap.data.sql import postgres
from tastemap.data.sql.query import Since, quoted, wrapped
from tastemap.data.sql.urls import DatabaseUrl
from tastemap.errors import ColumnError, DataError

if TYPE_CHECKING:
    from psycopg import Connection

BLOCK_BYTES = 4 * 2**20
"""CSV that is parsed at a time."""
INTEGERS = {"smallint", "integer", "bigint", "oid"}
FLOATS = {"real", "double precision", "numeric"}
TEXTS = {"text", "character varying", "character", "name", "uuid", "citext", '"char"'}
KINDS = """
SELECT t.oid::bigint, format_type(t.oid, NULL), t.typtype = 'e'
FROM pg_type AS t WHERE t.oid = ANY(%s)
"""


@dataclass(frozen=True)
class _Kind:
    """How a column is asked for and read.

    Parameters
    ----------
    sql : str
        The column in the statement.
    compared : str
        The column where it is compared with a watermark.
    read_as : type
        What the CSV field is parsed as.
    final : str
        ``""``, or what is made of it: ``time``, ``date``, ``bool``.
    """

    sql: str
    compared: str
    read_as: type[pl.DataType]
    final: str = ""


class PostgresReader:
    """A snapshot of a database, in which nothing can be written."""

    def __init__(self, connection: Connection[Any], url: DatabaseUrl) -> None:
        self._connection = connection
        self._label = url.name

    def tables(self) -> list[str]:
        """Tables and views that may be read."""
        return postgres.tables(self._connection)

    def names(self, select: str) -> tuple[str, ...]:
        """The columns that a statement gives."""
        return tuple(name for name, _ in self._described(select))

    def fetch(self, select: str, names: Sequence[str], since: Since | None = None) -> pl.DataFrame:
        """The rows of some columns; never more text at once than a block.

        Raises
        ------
        ColumnError
            If one has a type that is no id, number, text or time.
        """
        kinds = self._kinds(select, [*names, *([since.column] if since else [])])
        sql = wrapped(select, ", ".join(kinds[name].sql for name in names))
        if since is not None:
            from psycopg.sql import Literal

            sql += (
                f" WHERE {kinds[since.column].compared} >= {Literal(since.value).as_string(self._connection)}"
            )
        schema = {name: kinds[name].read_as for name in names}
        parts = [pl.DataFrame(schema=schema)]
        with self._connection.cursor().copy(_sql(f"COPY ({sql}) TO STDOUT (FORMAT csv)")) as copy:
            parts += (self._parsed(block, schema) for block in _blocks(copy))
        return pl.concat(parts).with_columns(_finished(name, kinds[name].final) for name in names)

    def _described(self, select: str) -> list[tuple[str, int]]:
        """Names and types of the columns. Binary answers allow one statement only, so no second slips in."""
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(_sql(f"{wrapped(select, '*')} LIMIT 0"))
            return [(column.name, column.type_code) for column in cursor.description or ()]

    def _kinds(self, select: str, names: Sequence[str]) -> dict[str, _Kind]:
        of_column = dict(self._described(select))
        found = self._connection.execute(KINDS, [[of_column[name] for name in names]]).fetchall()
        types = {oid: (type_name, is_enum) for oid, type_name, is_enum in found}
        return {name: self._kind(name, *types[of_column[name]]) for name in names}

    def _kind(self, name: str, type_name: str, is_enum: bool) -> _Kind:
        column = quoted(name)
        if type_name in INTEGERS:
            return _Kind(column, column, pl.Int64)
        if type_name in FLOATS:
            return _Kind(column, column, pl.Float64)
        if is_enum or type_name in TEXTS:
            return _Kind(f"{column}::text", f'{column}::text COLLATE "C"', pl.String)
        if type_name == "boolean":
            return _Kind(f"{column}::int", column, pl.Int64, "bool")
        if type_name == "date":
            return _Kind(column, column, pl.String, "date")
        if type_name == "timestamp without time zone":
            return _Kind(column, column, pl.String, "time")
        if type_name == "timestamp with time zone":
            return _Kind(f"{column} AT TIME ZONE 'UTC'", column, pl.String, "time")
        raise ColumnError(
            f"Column {name!r} of {self._label} has the type {type_name}: no id, rating, count or time. "
            "Convert it in the query, or leave it out.",
            column=name,
        )

    def _parsed(self, block: bytes, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
        try:
            return pl.read_csv(io.BytesIO(block), has_header=False, schema=schema)
        except pl.exceptions.PolarsError as error:
            reason = str(error).partition("\n")[0]
            raise DataError(f"A row of {self._label} cannot be read: {reason}; mend it.") from error


@contextmanager
def reading(url: DatabaseUrl) -> Iterator[PostgresReader]:
    """Connect for reading; errors as :func:`tastemap.data.sql.postgres.connected` says."""
    with postgres.connected(url, read_only=True) as connection:
        yield PostgresReader(connection, url)


def _sql(text: str) -> bytes:
    """A statement that was put together here, of quoted names and the query that the caller wants to be run."""
    return text.encode()


def _blocks(rows: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Rows, which the server sends one by one, in larger pieces."""
    block = bytearray()
    for row in rows:
        block += row
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _finished(name: str, final: str) -> pl.Expr:
    column = pl.col(name)
    if final == "bool":
        return column.cast(pl.Boolean)
    if final == "date":
        return column.str.to_date("%Y-%m-%d", strict=False)
    if final == "time":
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    return column
