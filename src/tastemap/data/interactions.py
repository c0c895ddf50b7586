"""Who interacted with what: the immutable table that every model is fitted to."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from tastemap.data.id_map import UNKNOWN, IdMap, Ids
from tastemap.errors import InvalidValueError
from tastemap.linalg.csr import CSR, offsets_of_sorted, stable_order
from tastemap.linalg.jit import kernel
from tastemap.linalg.types import BoolArray, Float32Array, FloatArray, Int32Array, Int64Array, IntArray
from tastemap.plurals import plural


@dataclass(frozen=True)
class RatingScale:
    """The lowest and the highest rating, in stars."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """``high - low``, in stars."""
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class Interactions:
    """Distinct (user, item) pairs with values and times, sorted by user, then item.

    The order is canonical: the same set of rows gives the same arrays however it was read, so
    nothing that follows depends on the order of a file (see :func:`make_interactions` for repeats
    without times).

    Parameters
    ----------
    users, items : IdMap
        The ids; each has at least one interaction here, unless :meth:`at_least` took them.
    user_index, item_index : arrays of shape (n,), int32
    values : array of shape (n,), float32
        Ratings in stars, or counts (> 0) for implicit feedback.
    timestamps : array of shape (n,), int64, or None
        Seconds since 1970, UTC.
    rating_scale : RatingScale or None
        None means implicit feedback: there are no ratings, only interactions.
    folds : array of shape (n,), int8, or None
        The official test fold (1, 2, …) of each row, where the data set defines folds.
    """

    users: IdMap
    items: IdMap
    user_index: Int32Array
    item_index: Int32Array
    values: Float32Array
    timestamps: Int64Array | None
    rating_scale: RatingScale | None
    folds: IntArray | None = None

    def __len__(self) -> int:
        return len(self.user_index)

    def __repr__(self) -> str:
        return f"Interactions: {self.summary}"

    @property
    def summary(self) -> str:
        """The size in words: ``100,000 ratings (1–5) of 943 users and 1,682 items``."""
        scale = self.rating_scale
        rows = plural(len(self), "interaction" if scale is None else "rating")
        stars = "" if scale is None else f" ({scale.low:g}–{scale.high:g})"
        return f"{rows}{stars} of {plural(self.n_users, 'user')} and {plural(self.n_items, 'item')}"

    @property
    def n_users(self) -> int:
        """The number of users."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.items)

    @property
    def is_implicit(self) -> bool:
        """Whether there are interactions only, no ratings."""
        return self.rating_scale is None

    @cached_property
    def by_user(self) -> CSR:
        """The interactions as a matrix of shape (U, I); views of the same arrays, O(U log n)."""
        indptr = offsets_of_sorted(self.user_index, self.n_users)
        return CSR(indptr, self.item_index, self.values, self.n_items, self.timestamps)

    @cached_property
    def by_item(self) -> CSR:
        """The transposed matrix, of shape (I, U), O(n)."""
        return self.by_user.transposed

    @cached_property
    def popularity(self) -> Int64Array:
        """Interactions of each item, shape (I,), int64."""
        return np.bincount(self.item_index, minlength=self.n_items).astype(np.int64)

    def select(self, rows: BoolArray) -> Interactions:
        """The rows where the mask (shape (n,), bool) is true, with ids of their own: absent ids are gone."""
        kept = self._keep(rows)
        users, user_index = _compact(self.users, kept.user_index)
        items, item_index = _compact(self.items, kept.item_index)
        return replace(kept, users=users, items=items, user_index=user_index, item_index=item_index)

    def at_least(self, lowest: float | None) -> Interactions:
        """The rows of at least this value, or all if it is None; users and items keep their indices."""
        return self if lowest is None else self._keep(self.values >= lowest)

    def _keep(self, rows: BoolArray) -> Interactions:
        return replace(
            self,
            user_index=self.user_index[rows],
            item_index=self.item_index[rows],
            values=self.values[rows],
            timestamps=None if self.timestamps is None else self.timestamps[rows],
            folds=None if self.folds is None else self.folds[rows],
        )

    def frame(self) -> pl.DataFrame:
        """The rows as a table of ``user_id, item_id, rating`` (``count`` if implicit) and ``timestamp``."""
        columns = [
            self.users.take(self.user_index),
            self.items.take(self.item_index),
            pl.Series("count" if self.is_implicit else "rating", self.values),
        ]
        if self.timestamps is not None:
            columns.append(pl.Series("timestamp", self.timestamps))
        return pl.DataFrame(columns)


def make_interactions(
    user_ids: Ids,
    item_ids: Ids,
    values: Float32Array,
    *,
    timestamps: IntArray | Sequence[int] | None = None,
    rating_scale: RatingScale | None = None,
    folds: IntArray | None = None,
) -> tuple[Interactions, int]:
    """Encode rows in any order and settle repeated pairs.

    Of repeated ratings of one pair the last by time counts, of equal times the highest rating; without
    `timestamps` the last row. Repeated implicit interactions are summed and keep the last time.

    Parameters
    ----------
    user_ids, item_ids : sequences of shape (n,)
        All int or all str, per side.
    values : array of shape (n,), float32
        Finite ratings within `rating_scale`, or positive counts.
    timestamps, rating_scale, folds
        As in :class:`Interactions`.

    Returns
    -------
    (interactions, n_merged) : the table, and how many rows went into a repeated pair.

    Raises
    ------
    InvalidValueError
        If there is no row, lengths differ, times are not integers, or a value is not allowed; names the
        first row of such a value.
    DataError
        If ids are missing or of mixed types.

    Notes
    -----
    O(n log U + n log I): counting sorts, no comparison sort over the rows.
    """
    values = np.asarray(values, np.float32)
    _check_lengths(len(values), user_ids=user_ids, item_ids=item_ids, timestamps=timestamps, folds=folds)
    _check_values(values, rating_scale)
    times = _as_times(timestamps)
    users, items = IdMap(user_ids, kind="user"), IdMap(item_ids, kind="item")
    user_index, item_index = users.indices(user_ids), items.indices(item_ids)
    order = _pair_order(user_index, item_index, len(users), len(items))
    user_index, item_index = user_index[order], item_index[order]
    repeats = (user_index[1:] == user_index[:-1]) & (item_index[1:] == item_index[:-1])  # (n - 1,)
    # Without times the order of the rows is all that says which rating is the later one.
    if repeats.any() and (times is not None or rating_scale is None):
        _order_repeats(order, repeats, values, times)
    values = values[order]
    last = np.append(~repeats, True)
    if rating_scale is None and not last.all():
        group = np.concatenate(([0], np.cumsum(~repeats)))
        sums = np.bincount(group, weights=values)
        values[last] = sums
    kept = order if last.all() else order[last]
    made = Interactions(
        users=users,
        items=items,
        user_index=user_index[last],
        item_index=item_index[last],
        values=values[last],
        timestamps=None if times is None else times[kept],
        rating_scale=rating_scale,
        folds=None if folds is None else folds[kept],
    )
    return made, int(len(last) - last.sum())


def _pair_order(user_index: Int32Array, item_index: Int32Array, n_users: int, n_items: int) -> Int64Array:
    """Sort by (user, item, given order): stable sorts from the last key to the first.

    A file that is in order already, as most published ones are, costs one look.
    """
    if _is_sorted(user_index, item_index):
        return np.arange(len(user_index))
    order = stable_order(item_index, n_items)
    return order[stable_order(user_index[order], n_users)]


@kernel
def _is_sorted(first: Int32Array, second: Int32Array) -> bool:
    """Whether pairs never decrease."""
    for place in range(1, len(first)):
        before, here = first[place - 1], first[place]
        if here < before or (here == before and second[place] < second[place - 1]):
            return False
    return True


def _order_repeats(
    order: Int64Array, repeats: BoolArray, values: Float32Array, timestamps: Int64Array | None
) -> None:
    """Sort each run of one pair in `order`; most tables have few repeated pairs, so only those are compared."""
    is_repeat = np.append(False, repeats)  # (n,): like the row before
    rows = np.flatnonzero(is_repeat | np.append(repeats, False))
    run, of_rows = np.cumsum(~is_repeat[rows]), order[rows]
    times = None if timestamps is None else timestamps[of_rows]
    order[rows] = of_rows[order_of_repeats(run, values[of_rows], times)]


def order_of_repeats(run: IntArray, values: FloatArray, timestamps: Int64Array | None) -> IntArray:
    """Order rows by run, time and value: the last rating of a run counts, whatever order the rows came in.

    Counts are summed in this order too, so that rounding does not depend on the order of the rows.
    """
    keys = (values, run) if timestamps is None else (values, timestamps, run)
    order: IntArray = np.lexsort(keys)
    return order


def _check_lengths(n_rows: int, **columns: Sized | None) -> None:
    for name, column in columns.items():
        if column is not None and len(column) != n_rows:
            raise InvalidValueError(
                f"{name} must be as long as values, {n_rows:,}. Got {len(column):,}; give one for each row."
            )
    if not n_rows:
        raise InvalidValueError("There must be at least one interaction. Got none; check where they come from.")


def _as_times(timestamps: IntArray | Sequence[int] | None) -> Int64Array | None:
    if timestamps is None:
        return None
    times = np.asarray(timestamps)
    if not np.can_cast(times.dtype, np.int64):
        raise InvalidValueError(
            f"timestamps must be integers, seconds since 1970. Got values of type {times.dtype}; convert them."
        )
    return times.astype(np.int64, copy=False)


def _check_values(values: Float32Array, scale: RatingScale | None) -> None:
    """Finite ratings within the scale, or positive counts."""
    inside = (values >= scale.low) & (values <= scale.high) if scale else values > 0
    bad = ~(inside & np.isfinite(values))
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    allowed = f"ratings from {scale.low:g} to {scale.high:g}" if scale else "counts above 0"
    raise InvalidValueError(
        f"values must be finite {allowed}. Got {values[row]:g} in row {row}, counted from 0; mend or drop it.",
        row=row,
        value=str(values[row]),
    )


def _compact(ids: IdMap, index: Int32Array) -> tuple[IdMap, Int32Array]:
    """The ids that occur in `index`, and `index` renumbered to them (the order of ids is kept)."""
    present = np.bincount(index, minlength=len(ids)) > 0
    renumbered = np.where(present, np.cumsum(present) - 1, UNKNOWN).astype(np.int32)
    return IdMap.from_sorted(ids.ids.filter(pl.Series(present)), kind=ids.kind), renumbered[index]
