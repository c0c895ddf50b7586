"""Who interacted with what: the immutable table that every model is fitted to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tastemap.data.id_map import UNKNOWN, IdMap
from tastemap.linalg.csr import CSR, counts, offsets_of_sorted
from tastemap.linalg.placement import IN_MEMORY, Placement, chosen, looked_up, spans
from tastemap.linalg.types import BoolArray, Float32Array, Int32Array, Int64Array, IntArray
from tastemap.plurals import plural

T = TypeVar("T", bound=np.generic)

AT_A_TIME = 1 << 20
"""Values that are turned to float64 at a time."""


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
    nothing that follows depends on the order of a file (see
    :func:`tastemap.data.encode.make_interactions` for repeats without times).

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
    placement : Placement
        Where these arrays live, and what is made from them.
    """

    users: IdMap
    items: IdMap
    user_index: Int32Array
    item_index: Int32Array
    values: Float32Array
    timestamps: Int64Array | None
    rating_scale: RatingScale | None
    folds: IntArray | None = None
    placement: Placement = IN_MEMORY

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
        return self.by_user.transpose(self.placement)

    def of_item(self, item_index: int) -> tuple[Int32Array, Float32Array]:
        """The users of one item, ascending, and their values, each of shape (s,).

        One pass over 4 n bytes, about a millisecond a million rows: for a few items :attr:`by_item`, as large
        as the table, is not made.
        """
        rows = np.flatnonzero(self.item_index == item_index)
        return self.user_index[rows], self.values[rows]

    @cached_property
    def popularity(self) -> Int64Array:
        """Interactions of each item, shape (I,), int64."""
        return counts(self.item_index, self.n_items)

    @cached_property
    def mean(self) -> float:
        """The mean of the values, summed in float64."""
        sums = [self.values[span].astype(np.float64).sum() for span in spans(len(self), AT_A_TIME)]
        return float(sum(sums) / len(self))

    def select(self, rows: BoolArray) -> Interactions:
        """The rows where the mask (shape (n,), bool) is true, with ids of their own: absent ids are gone."""
        kept = self._keep(rows)
        users, user_index = _compact(self.users, kept.user_index, self.placement)
        items, item_index = _compact(self.items, kept.item_index, self.placement)
        return replace(kept, users=users, items=items, user_index=user_index, item_index=item_index)

    def at_least(self, lowest: float | None) -> Interactions:
        """The rows of at least this value, or all if it is None; users and items keep their indices."""
        return self if lowest is None else self._keep(self.values >= lowest)

    def _keep(self, rows: BoolArray) -> Interactions:
        def kept(array: NDArray[T]) -> NDArray[T]:
            return chosen(array, rows, self.placement)

        return replace(
            self,
            user_index=kept(self.user_index),
            item_index=kept(self.item_index),
            values=kept(self.values),
            timestamps=None if self.timestamps is None else kept(self.timestamps),
            folds=None if self.folds is None else kept(self.folds),
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


def _compact(ids: IdMap, index: Int32Array, placement: Placement) -> tuple[IdMap, Int32Array]:
    """The ids that occur in `index`, and `index` renumbered to them (the order of ids is kept)."""
    present = counts(index, len(ids)) > 0
    renumbered = np.where(present, np.cumsum(present) - 1, UNKNOWN).astype(np.int32)
    found = IdMap.from_sorted(ids.ids.filter(pl.Series(present)), kind=ids.kind)
    return found, looked_up(renumbered, index, placement)
