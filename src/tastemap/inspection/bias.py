"""The items that are liked or disliked whatever one's taste: by their biases."""

from __future__ import annotations

import polars as pl

from tastemap.errors import InvalidValueError
from tastemap.inspection.items import item_biases, item_statistics
from tastemap.models.recommender import Recommender, check_recommender


def bias_leaderboard(recommender: Recommender) -> pl.DataFrame:
    """Every item with its bias, the highest first; ``head`` and ``tail`` are the two ends of the board.

    *Stability: experimental.*

    Returns
    -------
    DataFrame of I rows
        ``item_id, title, genres, bias, popularity, mean_rating``; of equal biases the lower index first.

    Raises
    ------
    InvalidValueError
        For a model without item biases.
    """
    check_recommender(recommender)
    biases = item_biases(recommender.model)
    if biases is None:
        raise InvalidValueError(
            f"recommender must have item biases. Got {recommender.name} without any; fit als, dot or bias."
        )
    frame = item_statistics(recommender.train).with_columns(pl.Series("bias", biases))
    order = ["item_id", "title", "genres", "bias", "popularity", "mean_rating"]
    return frame.select(order).sort("bias", descending=True, maintain_order=True)
