"""From columns of ids to interactions by index: sorted, and one for each pair."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np

from tastemap.data.id_map import IdMap, Ids
from tastemap.data.interactions import Interactions, RatingScale
from tastemap.errors import InvalidValueError
from tastemap.linalg.csr import stable_order
from tastemap.linalg.jit import kernel
from tastemap.linalg.types import BoolArray, Float32Array, FloatArray, Int32Array, Int64Array, IntArray


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
    times = _as_times(timestamps)
    users, items = IdMap(user_ids, kind="user"), IdMap(item_ids, kind="item")
    shape = (len(users), len(items))
    settled, kept = settle(users.indices(user_ids), items.indices(item_ids), values, times, shape, rating_scale)
    made = Interactions(
        users=users,
        items=items,
        user_index=settled.user_index,
        item_index=settled.item_index,
        values=settled.values,
        timestamps=settled.times,
        rating_scale=rating_scale,
        folds=None if folds is None else folds[kept],
    )
    return made, len(values) - len(kept)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows by index: arrays of shape (n,)."""

    user_index: Int32Array
    item_index: Int32Array
    values: Float32Array
    times: Int64Array | None


def settle(
    user_index: Int32Array,
    item_index: Int32Array,
    values: Float32Array,
    times: Int64Array | None,
    shape: tuple[int, int],
    scale: RatingScale | None,
) -> tuple[Pairs, Int64Array]:
    """Sort rows of a matrix of (users, items) and make one of repeated pairs; and the row each came from.

    Raises
    ------
    InvalidValueError
        If a value is not allowed.
    """
    _check_values(values, scale)
    order = _pair_order(user_index, item_index, *shape)
    user_index, item_index = user_index[order], item_index[order]
    repeats = (user_index[1:] == user_index[:-1]) & (item_index[1:] == item_index[:-1])  # (n - 1,)
    # Without times the order of the rows is all that says which rating is the later one.
    if repeats.any() and (times is not None or scale is None):
        _order_repeats(order, repeats, values, times)
    values = values[order]
    last = np.append(~repeats, True)
    if scale is None and not last.all():
        group = np.concatenate(([0], np.cumsum(~repeats)))
        sums = np.bincount(group, weights=values)
        values[last] = sums
    kept = order if last.all() else order[last]
    found = Pairs(user_index[last], item_index[last], values[last], None if times is None else times[kept])
    return found, kept


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
