"""The neighbors of an item by cosine and by dot product, side by side."""

from __future__ import annotations

import polars as pl

from tastemap.data import Id
from tastemap.inference import find_item, similar_items
from tastemap.inspection.items import item_statistics
from tastemap.models.base import Measure
from tastemap.models.recommender import Recommender, check_recommender

MEASURES: tuple[Measure, ...] = ("cosine", "dot")


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
