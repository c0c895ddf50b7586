"""Items like an item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.inference.items import By, find_item, item_titles
from tastemap.inference.rules import check_k
from tastemap.linalg.csr import CSR, empty_rows
from tastemap.linalg.top_k import top_k
from tastemap.linalg.types import BoolArray, Float64Array, Int32Array, Int64Array
from tastemap.models.base import Measure
from tastemap.models.recommender import Recommender
from tastemap.plurals import plural

MIN_COMMON_USERS = 5
"""Users that two items must have in common to be listed as neighbors, unless another number is asked for."""


@dataclass(frozen=True, eq=False)
class SimilarItems:
    """The neighbors of an item as a table, and what a person should know about them.

    Parameters
    ----------
    frame : DataFrame
        ``item_id, rank, similarity, common_users, title``; ``common_users`` counts the users who have both
        items: a similarity that rests on few of them is weak evidence.
    k : int
        The length asked for.
    left_out : int
        Items more similar than the last one listed, or than none where fewer than `k` are listed, that too
        few users have in common with the item.
    notes : tuple of str
        The same in a sentence, and why a list is shorter than `k`.
    """

    frame: pl.DataFrame
    k: int
    left_out: int
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"SimilarItems: {plural(len(self.frame), 'item')} of {self.k:,} asked for"


def similar_items(
    recommender: Recommender,
    item: Id,
    *,
    measure: Measure = "cosine",
    k: int = 10,
    min_common_users: int = MIN_COMMON_USERS,
    by: By | None = None,
) -> SimilarItems:
    """The `k` items most similar to an item.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    item : int or str
        An id, a title, or a part of a title (the most popular match is taken).
    measure : {"cosine", "dot"}
        ``cosine`` compares directions; ``dot`` also rewards long vectors, which popular items tend to have.
        Biases take no part.
    k : int
        List length, >= 1.
    min_common_users : int
        Items with fewer users in common with `item` are left out and counted, >= 0. The vectors of two items
        that hardly anybody has both of may point the same way by chance; 0 lists them too.
    by : {"id", "title"} or None
        Read `item` as an id only, as a title only, or as either.

    Raises
    ------
    UnknownItemError, InvalidValueError
        For an unknown item, an unknown measure, k < 1, min_common_users < 0, or a model without item vectors.

    Notes
    -----
    Exact: all items are compared, in float64. O(I d) and the interactions of the item's users.
    """
    check_k(k)
    if measure not in ("cosine", "dot"):
        raise InvalidValueError(f"measure must be 'cosine' or 'dot'. Got {measure!r}.")
    _check_minimum(min_common_users)
    index = find_item(recommender, item, by=by).item_index
    common = common_users(recommender, index)
    order, similarity, left_out = nearest(recommender, index, measure, k, common >= min_common_users)
    frame = pl.DataFrame(
        [
            recommender.items.take(order),
            pl.Series("rank", np.arange(1, len(order) + 1)),
            pl.Series("similarity", similarity),
            pl.Series("common_users", common[order]),
            item_titles(recommender).gather(order).rename("title"),
        ]
    )
    return SimilarItems(frame, k, left_out, _notes(len(order), k, left_out, min_common_users))


def nearest(
    recommender: Recommender, item_index: int, measure: Measure, k: int, allowed: BoolArray
) -> tuple[Int32Array, Float64Array, int]:
    """The `k` nearest `allowed` items (I,) and their similarities, and how many nearer ones are not allowed."""
    similarity = recommender.model.similarity(item_index, measure)
    similarity[item_index] = -np.inf
    nothing = empty_rows(1, len(similarity))
    found = top_k(
        similarity[None, :], k, seen_indptr=nothing.indptr, seen_indices=nothing.indices, allowed=allowed
    )[0]
    order = found[found >= 0]
    floor = similarity[order[-1]] if len(order) == k else -np.inf
    left_out = int(((similarity > floor) & ~allowed).sum())
    return order, similarity[order], left_out


def _check_minimum(users: int) -> None:
    if isinstance(users, bool) or not isinstance(users, (int, np.integer)) or users < 0:
        raise InvalidValueError(
            f"min_common_users must be an integer >= 0. Got {users!r}; 0 leaves nothing out."
        )


def common_users(recommender: Recommender, item_index: int) -> Int64Array:
    """How many users have both this item and each other item, shape (I,); O(interactions of these users)."""
    data = recommender.train.interactions
    users, _ = data.of_item(item_index)
    theirs: CSR = data.by_user.take(users)
    return np.bincount(theirs.indices, minlength=data.n_items)


def _notes(n_listed: int, k: int, left_out: int, min_common_users: int) -> tuple[str, ...]:
    notes = []
    if left_out:
        items = plural(left_out, "closer item" if n_listed == k else "item")
        notes.append(
            f"Left out: {items} with fewer than {plural(min_common_users, 'user')} who have both; "
            "a lower minimum of common users lists them."
        )
    if n_listed < k:
        notes.append(f"The list is shorter than {k:,}: {plural(n_listed, 'other item')} can be listed.")
    return tuple(notes)
