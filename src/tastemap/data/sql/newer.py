"""Rows that came into a database since a data set was read from it, added to that data set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tastemap.data.dataset import Dataset
from tastemap.data.encode import make_interactions
from tastemap.data.id_map import IdMap
from tastemap.data.ids import from_typed
from tastemap.data.rating_scale import check_within
from tastemap.data.rows import Rows, read_rows
from tastemap.data.sql.query import DatabaseQuery
from tastemap.data.sql.reading import fetch
from tastemap.data.sql.table import name_of
from tastemap.data.tables import Table
from tastemap.data.times import TimeForm
from tastemap.errors import InvalidValueError
from tastemap.linalg.types import IntArray


@dataclass(frozen=True, eq=False)
class Newer:
    """A data set with the rows that came in since.

    Parameters
    ----------
    data : Dataset
        The same one where there is nothing new.
    n_rows : int
        New rows of the database.
    """

    data: Dataset
    n_rows: int


def add_newer(data: Dataset, url: str, *, without: Collection[str] = ()) -> Newer:
    """Read what the database has had added since `data` was read from it, and add it.

    *Stability: experimental.*

    Rows from the highest watermark on are read. Of those that have just this value the ones that were there are
    left out, each once: none is lost, none counts twice. What was changed or deleted in rows read before, and
    rows that came late with a lower watermark, or with one that is missing or has no end, only a fit of all
    rows finds. Of repeated ratings the last by time counts; counts add up.

    Parameters
    ----------
    data : Dataset
        Loaded from a query, perhaps saved with a model since.
    url : str
        The database; it may have moved.
    without : collection of str
        Users whose rows are left out, by their ids as text: those who asked to be forgotten.

    Raises
    ------
    InvalidValueError
        If `data` did not come from a database, or without a column that says what is newer.
    DataError
        If a new row does not fit the others, as a rating outside their scale.
    DatabaseError, SourceNotFoundError, ColumnError
        As :func:`tastemap.data.load` has.
    """
    origin = data.origin
    if origin is None:
        raise InvalidValueError(
            f"{data.name} remembers no query whose rows could be newer. Fit it from a database with a column "
            "of times, or name a column that grows by --watermark.",
            argument="data",
        )
    source = DatabaseQuery(url, origin.query, origin.watermark)
    read = fetch(source, origin.names, origin.since)
    new = origin.newer(read)
    if not len(new):
        return Newer(data, 0)
    # As ids are written once they are read: 9 where a column of REAL gives 9.0.
    users = from_typed(new[origin.user], column=origin.user, label=name_of(source)).cast(pl.String)
    kept = new.filter(~users.is_in(list(without)).fill_null(False))
    if not len(kept):
        return Newer(replace(data, origin=origin.moved_on(new)), 0)
    table = Table(name_of(source), kept.lazy(), tuple(origin.names), is_text=False)
    form = None if origin.time is None else TimeForm.of(kept[origin.time])
    rows = read_rows(table, origin.columns, has_given_time=True, time_form=form)
    return Newer(replace(_added(data, rows), origin=origin.moved_on(new)), len(kept))


def _added(data: Dataset, rows: Rows) -> Dataset:
    before = data.interactions
    if before.rating_scale is not None and len(rows.values):
        check_within(rows.values, before.rating_scale)
    times = None
    if before.timestamps is not None and rows.timestamps is not None:
        times = np.concatenate([before.timestamps, rows.timestamps])
    made, _ = make_interactions(
        _both(before.users, before.user_index, rows.users),
        _both(before.items, before.item_index, rows.items),
        np.concatenate([before.values, rows.values]),
        timestamps=times,
        rating_scale=before.rating_scale,
    )
    report = data.report.plus(rows.n_rows, rows.dropped)
    n_merged = report.n_rows - len(made) - sum(report.dropped.values())
    report = replace(report, n_kept=len(made), n_merged=n_merged)
    return replace(data, interactions=made, report=report)


def _both(ids: IdMap, index: IntArray, new: pl.Series) -> pl.Series:
    """Ids of the rows before and of the new ones: text where either is, as in one table."""
    before = ids.take(index)
    if before.dtype != new.dtype:
        before, new = before.cast(pl.String), new.cast(pl.String)
    return pl.concat([before, new.rename(before.name)])
