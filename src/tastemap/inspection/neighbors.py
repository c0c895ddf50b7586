"""The neighbors of an item by cosine and by dot product, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.inference import find_item, similar_items
from tastemap.inference.similar import MIN_COMMON_USERS, common_users, nearest
from tastemap.inspection.items import item_statistics, most_popular
from tastemap.models.base import Measure
from tastemap.models.recommender import Recommender, check_recommender

MEASURES: tuple[Measure, ...] = ("cosine", "dot")
MOST_LISTED = 3000
"""Items whose neighbors a page holds: about half a megabyte of them a model."""


@dataclass(frozen=True, eq=False)
class NeighborLists:
    """The neighbors of many items, by index.

    Parameters
    ----------
    items : list of int
        Whose neighbors these are, most popular first.
    near : dict of str to list
        By measure: for each of the items its neighbors as ``(item, similarity)``, nearest first.
    n_items : int
        All items of the model, with neighbors here or not.
    """

    items: list[int]
    near: dict[Measure, list[list[tuple[int, float]]]]
    n_items: int


def neighbor_lists(recommender: Recommender, *, k: int = 10, n_items: int = MOST_LISTED) -> NeighborLists:
    """The `k` nearest items of each of the `n_items` most popular ones, as :func:`item_neighbors` lists them.

    *Stability: experimental.*

    Raises
    ------
    InvalidValueError
        For k < 1, n_items < 1, or a model without item vectors.

    Notes
    -----
    O(n_items I d): seconds for 2,000 items.
    """
    check_recommender(recommender)
    if k < 1 or n_items < 1:
        raise InvalidValueError(f"k and n_items must be >= 1. Got {k} and {n_items}.")
    items = [int(item) for item in most_popular(recommender, n_items)]
    near: dict[Measure, list[list[tuple[int, float]]]] = {measure: [] for measure in MEASURES}
    for item in items:
        allowed = common_users(recommender, item) >= MIN_COMMON_USERS
        for measure, lists in near.items():
            order, similarity, _ = nearest(recommender, item, measure, k, allowed)
            lists.append(list(zip(order.tolist(), similarity.tolist(), strict=True)))
    return NeighborLists(items, near, len(recommender.items))


def item_neighbors(recommender: Recommender, item: Id, *, k: int = 10) -> pl.DataFrame:
    """The `k` nearest items of an item by each measure; see :func:`tastemap.similar_items`.

    *Stability: experimental.*

    Parameters
    ----------
    recommender : Recommender
    item : int or str
        An id, a title, or a part of a title (the most popular match is taken).
    k : int
        Neighbors by each measure, >= 1.

    Returns
    -------
    DataFrame
        ``measure, rank, item_id, title, genres, similarity, common_users``.

    Raises
    ------
    UnknownItemError, InvalidValueError
        For an unknown item, k < 1, or a model without item vectors.
    """
    check_recommender(recommender)
    item_id = recommender.items.to_id(find_item(recommender, item).item_index)
    known = item_statistics(recommender.train).select("item_id", "title", "genres")
    frames = [
        similar_items(recommender, item_id, measure=measure, k=k, by="id").frame.with_columns(
            pl.lit(measure).alias("measure")
        )
        for measure in MEASURES
    ]
    found = pl.concat(frames).drop("title").join(known, on="item_id", how="left", maintain_order="left")
    return found.select("measure", "rank", "item_id", "title", "genres", "similarity", "common_users")
