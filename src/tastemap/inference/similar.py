"""Items like an item."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.data import Id
from tastemap.errors import InvalidValueError
from tastemap.inference.items import By, find_item, item_titles
from tastemap.inference.rules import check_k
from tastemap.linalg.csr import CSR
from tastemap.models.base import Measure
from tastemap.models.recommender import Recommender


def similar_items(
    recommender: Recommender, item: Id, *, measure: Measure = "cosine", k: int = 10, by: By | None = None
) -> pl.DataFrame:
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
    by : {"id", "title"} or None
        Read `item` as an id only, as a title only, or as either.

    Returns
    -------
    DataFrame
        ``item_id, rank, similarity, common_users, title``; ``common_users`` counts the users who have both
        items: a similarity that rests on few of them is weak evidence.

    Raises
    ------
    UnknownItemError, InvalidValueError
        For an unknown item, an unknown measure, k < 1, or a model without item vectors.
    """
    check_k(k)
    if measure not in ("cosine", "dot"):
        raise InvalidValueError(f"measure must be 'cosine' or 'dot'. Got {measure!r}.")
    index = find_item(recommender, item, by=by).item_index
    similarity = recommender.model.similarity(index, measure)
    similarity[index] = -np.inf
    order = np.lexsort((np.arange(len(similarity)), -similarity))[: min(k, len(similarity) - 1)]
    return pl.DataFrame(
        [
            recommender.items.take(order),
            pl.Series("rank", np.arange(1, len(order) + 1)),
            pl.Series("similarity", similarity[order]),
            pl.Series("common_users", _common_users(recommender, index)[order]),
            item_titles(recommender).gather(order).rename("title"),
        ]
    )


def _common_users(recommender: Recommender, item_index: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many users have both this item and each other item, shape (I,); O(interactions of these users)."""
    data = recommender.train.interactions
    users, _ = data.by_item.row(item_index)
    theirs: CSR = data.by_user.take(users)
    return np.bincount(theirs.indices, minlength=data.n_items)
