"""Rows of a database, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import polars as pl

from tastemap.data.sql import sqlite
from tastemap.data.sql.query import DatabaseQuery, Since, listed_tables, select_of
from tastemap.data.sql.urls import DatabaseUrl
from tastemap.errors import ColumnError, InvalidValueError, did_you_mean


class Reader(Protocol):
    """One snapshot of a database."""

    def tables(self) -> list[str]:
        """Tables and views that may be read."""

    def names(self, select: str) -> tuple[str, ...]:
        """The columns that a statement gives."""

    def fetch(self, select: str, names: Sequence[str], since: Since | None = None) -> pl.DataFrame:
        """The rows of some columns: integers, floats, text, booleans, dates or datetimes (UTC)."""


def reading(url: DatabaseUrl) -> AbstractContextManager[Reader]:
    """Open a database for reading; what is wrong with it is told in one sentence."""
    if url.path is not None:
        return sqlite.reading(url.path)
    from tastemap.data.sql import postgres_reading  # SQLite needs none of it

    return postgres_reading.reading(url)


def column_names(source: DatabaseQuery) -> tuple[str, ...]:
    """The columns of a source.

    Raises
    ------
    InvalidValueError
        If there is no query (lists the tables), or it cannot be run.
    SourceNotFoundError, ColumnError
        If it names what is not there; lists near matches.
    DatabaseError
        If the database cannot be read.
    """
    url = DatabaseUrl.of(source.url, argument="source")
    with reading(url) as reader:
        if source.query is None or not source.query.strip():
            raise InvalidValueError(
                f"query (--query) must say what to read from {url.name}: the name of a table, or "
                f'"SELECT user_id, item_id, rating FROM …". {listed_tables(reader.tables())}',
                argument="query",
            )
        names = reader.names(select_of(source.query))
    if source.watermark is not None and source.watermark not in names:
        raise ColumnError(
            f"watermark={source.watermark!r} is not a column of the query. Columns: {', '.join(names)}.",
            column=source.watermark,
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ColumnError(
            f"The query gives two columns {twice!r}; name one of them anew with AS, or leave it out.",
            column=twice,
        )
    return names


def fetch(source: DatabaseQuery, names: Sequence[str], since: Since | None = None) -> pl.DataFrame:
    """The rows of some columns of a source, in one snapshot; errors as :func:`column_names` has.

    Notes
    -----
    O(n) time. Memory of the columns, and a few MiB of text.
    """
    url, select = DatabaseUrl.of(source.url, argument="source"), select_of(source.query or "")
    wanted = list(dict.fromkeys(names))
    with reading(url) as reader:
        # They may have been remembered since; SQLite would take an unknown "name" for a text.
        there = reader.names(select)
        gone = next((name for name in wanted if name not in there), None)
        if gone is not None:
            raise ColumnError(
                f"The query gives no column {gone!r} in {url.name}.{did_you_mean(gone, there)} "
                f"Columns: {', '.join(there)}.",
                column=gone,
            )
        return reader.fetch(select, wanted, since)
