"""The length of item vectors beside popularity: long vectors win by dot product."""

from __future__ import annotations

import polars as pl

from tastemap.inspection.items import item_statistics, vectors_or_raise
from tastemap.linalg.cosine import row_norms
from tastemap.models.recommender import Recommender, check_recommender


def item_norms(recommender: Recommender) -> pl.DataFrame:
    """``item_id, title, genres, genre, popularity, mean_rating, norm``, one row an item, in index order.

    *Stability: experimental.*

    Raises
    ------
    InvalidValueError
        For a model without item vectors.
    """
    check_recommender(recommender)
    norms = row_norms(vectors_or_raise(recommender))
    return item_statistics(recommender.train).with_columns(pl.Series("norm", norms))
