"""A query as a table that is read once it is known which of its columns count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import polars as pl

from tastemap.data.columns import Columns
from tastemap.data.dataset import Dataset
from tastemap.data.sql.origin import Origin, names_of
from tastemap.data.sql.query import DatabaseQuery
from tastemap.data.sql.reading import column_names, fetch
from tastemap.data.sql.urls import DatabaseUrl, is_database_url
from tastemap.data.tables import Table

T = TypeVar("T")


def as_query(source: T) -> T | DatabaseQuery:
    """A URL as a query that has not been said yet; any other source as it is."""
    return DatabaseQuery(source) if isinstance(source, str) and is_database_url(source) else source


def name_of(source: DatabaseQuery) -> str:
    """What the data of a source are called: the name of the database."""
    return DatabaseUrl.of(source.url, argument="source").name


def open_query(source: DatabaseQuery) -> Table:
    """The table of a query, with its columns but not yet its rows; errors as :func:`column_names` has."""

    def read(names: Sequence[str]) -> pl.DataFrame:
        return fetch(source, names)

    return Table(name_of(source), pl.LazyFrame(), column_names(source), is_text=False, fetch=read)


def read_columns(table: Table, columns: Columns, source: object) -> Table:
    """The table with the rows of the columns that count, where it is one of a database."""
    if table.fetch is None:
        return table
    names = names_of(columns, source.watermark if isinstance(source, DatabaseQuery) else None)
    return replace(table, frame=table.fetch(names).lazy(), names=tuple(names), fetch=None)


def with_origin(dataset: Dataset, source: object, columns: Columns, table: Table) -> Dataset:
    """The data set, which remembers how newer rows are found where it came from a database."""
    if not isinstance(source, DatabaseQuery):
        return dataset
    has_times = dataset.interactions.timestamps is not None
    return replace(dataset, origin=Origin.of(source, columns, table.frame.collect(), has_times=has_times))
