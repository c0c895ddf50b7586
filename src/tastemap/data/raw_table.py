"""The raw rows of a source with a verdict on each: what a model may use, and why the others may not be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastemap.data.columns import Columns
from tastemap.data.encode import order_of_repeats
from tastemap.data.id_map import IdMap
from tastemap.data.interactions import RatingScale
from tastemap.data.raw_columns import (
    IdColumn,
    TimeColumn,
    ValueColumn,
    likely_scale,
    read_ids,
    read_times,
    read_values,
)
from tastemap.data.tables import Table, is_empty_row
from tastemap.errors import DataError
from tastemap.linalg.csr import offsets, stable_order
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array

VERDICTS = (
    "kept",
    "empty_rows",
    "missing_ids",
    "bad_ratings",
    "out_of_scale",
    "missing_times",
    "bad_times",
    "duplicates",
    "conflicts",
)
"""A row has the first of these that applies to it; all but the first cost it its place."""


@dataclass(frozen=True, eq=False)
class Kept:
    """The rows that stay, sorted by user, then item; all arrays of shape (n,).

    Parameters
    ----------
    row : array of int64
        The row number in the raw table.
    user_index, item_index : arrays of int32
    values : array of float64
        1 where there is no value column.
    n_users, n_items : int
    """

    row: Int64Array
    user_index: Int32Array
    item_index: Int32Array
    values: Float64Array
    n_users: int
    n_items: int

    @property
    def user_starts(self) -> Int64Array:
        """Where the rows of each user start, shape (U + 1,)."""
        return offsets(self.user_index, self.n_users)

    def only(self, rows: BoolArray) -> Kept:
        """The rows of a mask; users and items are those of all rows."""
        return replace(
            self,
            row=self.row[rows],
            user_index=self.user_index[rows],
            item_index=self.item_index[rows],
            values=self.values[rows],
        )


@dataclass(frozen=True, eq=False)
class RawTable:
    """A source as the data check sees it; all arrays have one entry per row.

    Parameters
    ----------
    table : Table
    columns : Columns
    raw : DataFrame
        The user, item, value and time columns as they came, under these role names.
    users, items : IdColumn
    values : ValueColumn or None
    times : TimeColumn or None
        None also where no value of the time column is a time.
    scale : RatingScale or None
        None for implicit feedback, or where no rating can be read.
    scale_note : str
        How the scale was found.
    verdict : array of shape (n,), int8
        Places in :data:`VERDICTS`.
    kept : Kept
    """

    table: Table
    columns: Columns
    raw: pl.DataFrame
    users: IdColumn
    items: IdColumn
    values: ValueColumn | None
    times: TimeColumn | None
    scale: RatingScale | None
    scale_note: str
    verdict: NDArray[np.int8]
    kept: Kept

    def rows_of(self, verdict: str) -> BoolArray:
        """Which rows have a verdict."""
        found: BoolArray = self.verdict == VERDICTS.index(verdict)
        return found


def judge(
    table: Table, columns: Columns, *, rating_scale: RatingScale | None = None, repair: bool = False
) -> RawTable:
    """Read a source and decide about each row.

    Parameters
    ----------
    table : Table
    columns : Columns
    rating_scale : RatingScale or None
        None guesses it from the ratings, a few strays aside.
    repair : bool
        Whether ids are told apart as they will be after the repair, not as a load does now.

    Raises
    ------
    DataError
        If there is no row, or the file cannot be read as a table.
    """
    roles = {"user": columns.user, "item": columns.item, "value": columns.value, "time": columns.time}
    chosen = [pl.col(name).alias(role) for role, name in roles.items() if name is not None]
    read = table.collect(table.frame.select(*chosen, is_empty_row(table.is_text).alias("is_empty")))
    if not len(read):
        raise DataError(f"{table.label} has no rows; give a table with one interaction per row.")
    users, items = (
        read_ids(read[side], column=name, label=table.label, is_text=table.is_text, repair=repair)
        for side, name in (("user", columns.user), ("item", columns.item))
    )
    values = None if columns.value is None else read_values(read["value"])
    times = None if columns.time is None else read_times(read["time"])
    if times is not None and (times.missing | times.unread).all():
        times = None
    scale, note = _scale(columns, values, rating_scale)
    verdict = np.zeros(len(read), np.int8)
    is_empty = read["is_empty"].to_numpy()
    for reason, rows in _reasons(columns, is_empty, users, items, values, times, scale):
        verdict[(verdict == 0) & rows] = VERDICTS.index(reason)
    kept = _encode(users, items, values, np.flatnonzero(verdict == 0))
    if not columns.is_implicit:
        kept = _settle_repeats(kept, None if times is None else times.seconds, verdict)
    raw = read.drop("is_empty")
    return RawTable(table, columns, raw, users, items, values, times, scale, note, verdict, kept)


def _scale(
    columns: Columns, values: ValueColumn | None, given: RatingScale | None
) -> tuple[RatingScale | None, str]:
    if values is None or columns.is_implicit:
        return None, "No ratings: implicit feedback."
    finite = values.values[np.isfinite(values.values)]
    if given is not None:
        return given, f"Rating scale given as {given.low:g} to {given.high:g}."
    if not len(finite):
        return None, "No rating can be read."
    return likely_scale(finite)


def _reasons(
    columns: Columns,
    is_empty: BoolArray,
    users: IdColumn,
    items: IdColumn,
    values: ValueColumn | None,
    times: TimeColumn | None,
    scale: RatingScale | None,
) -> Iterator[tuple[str, BoolArray]]:
    """Reasons to leave rows out, in the order of :data:`VERDICTS`."""
    yield "empty_rows", is_empty
    yield "missing_ids", users.ids.is_null().to_numpy() | items.ids.is_null().to_numpy()
    if values is not None:
        yield "bad_ratings", ~(values.values > 0) if columns.is_count else np.isnan(values.values)
        if scale is not None:
            yield "out_of_scale", (values.values < scale.low) | (values.values > scale.high)
    if times is not None:
        yield "missing_times", times.missing
        yield "bad_times", times.unread


def _encode(users: IdColumn, items: IdColumn, values: ValueColumn | None, row: Int64Array) -> Kept:
    """The given rows, sorted by user, item and row."""
    user_ids, item_ids = users.ids.gather(row), items.ids.gather(row)
    user_map, item_map = IdMap(user_ids, kind="user"), IdMap(item_ids, kind="item")
    user_index, item_index = user_map.indices(user_ids), item_map.indices(item_ids)
    by_item = stable_order(item_index, len(item_map))
    order = by_item[stable_order(user_index[by_item], len(user_map))]
    chosen = np.ones(len(row)) if values is None else values.values[row]
    return Kept(row[order], user_index[order], item_index[order], chosen[order], len(user_map), len(item_map))


def _settle_repeats(kept: Kept, seconds: Int64Array | None, verdict: NDArray[np.int8]) -> Kept:
    """Of each repeated (user, item) pair keep the row that counts for a load; judge the others."""
    like_before = (np.diff(kept.user_index) == 0) & (np.diff(kept.item_index) == 0)  # (n - 1,)
    if not like_before.any():
        return kept
    is_repeat = np.append(False, like_before)
    place = np.flatnonzero(is_repeat | np.append(like_before, False))
    run = np.cumsum(~is_repeat[place])
    if seconds is not None:
        place = place[order_of_repeats(run, kept.values[place], seconds[kept.row[place]])]
    is_last = np.append(np.diff(run) != 0, True)
    starts = np.flatnonzero(np.append(True, np.diff(run) != 0))
    values = kept.values[place]
    differs = np.maximum.reduceat(values, starts) > np.minimum.reduceat(values, starts)  # (runs,)
    names = np.where(differs, VERDICTS.index("conflicts"), VERDICTS.index("duplicates"))
    verdict[kept.row[place[~is_last]]] = names[run[~is_last] - 1]
    return kept.only(verdict[kept.row] == 0)
