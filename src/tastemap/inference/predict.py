"""Predicted ratings of pairs; every row gets an answer, and says how much of it is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, Id, Ids
from tastemap.errors import InvalidValueError
from tastemap.inference.items import id_list
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.types import Float64Array, Int32Array
from tastemap.models.base import Model
from tastemap.models.recommender import Recommender, check_recommender

PAIRS_PER_BLOCK = 65_536


def predict(recommender: Recommender, user_ids: Ids | Id, item_ids: Ids | Id) -> pl.DataFrame:
    """Predict the rating of each (user, item) pair.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    user_ids, item_ids : sequences of shape (n,), or one id each
        An unknown or missing (None) id contributes zero: what is left are the mean and the other side's bias.

    Returns
    -------
    DataFrame of n rows
        ``user_id, item_id`` as given, ``score``, ``prediction`` (in stars; null for ranking models), ``known``:
        ``both``, ``user``, ``item`` or ``none``, the sides that are in the training data.

    Raises
    ------
    InvalidValueError
        If the two sequences differ in length.
    """
    check_recommender(recommender)
    user_ids, item_ids = id_list(user_ids), id_list(item_ids)
    if len(user_ids) != len(item_ids):
        raise InvalidValueError(
            f"user_ids and item_ids must have the same length. Got {len(user_ids)} and {len(item_ids)}."
        )
    user_index, item_index = recommender.users.indices(user_ids), recommender.items.indices(item_ids)
    score = score_pairs(recommender.model, user_index, item_index)
    prediction: Float64Array | list[None] = recommender.model.link.apply(score)
    if recommender.objective == "ranking":
        prediction = [None] * len(score)
    known = np.array(["none", "item", "user", "both"])[2 * (user_index != UNKNOWN) + (item_index != UNKNOWN)]
    return pl.DataFrame(
        [
            pl.Series("user_id", user_ids),
            pl.Series("item_id", item_ids),
            pl.Series("score", score),
            pl.Series("prediction", prediction, dtype=pl.Float64),
            pl.Series("known", known, dtype=pl.String),
        ]
    )


def predict_table(recommender: Recommender, pairs: pl.DataFrame) -> pl.DataFrame:
    """:func:`predict` for the rows of a table, which keeps its other columns.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    pairs : DataFrame
        ``user_id, item_id`` (null is unknown), and any other columns.

    Returns
    -------
    DataFrame of n rows
        ``user_id, item_id``, the other columns, ``score, prediction, known``. A column of `pairs` under one of
        the last three names is replaced.
    """
    answers = predict(recommender, pairs["user_id"], pairs["item_id"])
    others = pairs.drop(answers.columns, strict=False)
    return pl.concat(
        [answers.select("user_id", "item_id"), others, answers.drop("user_id", "item_id")], how="horizontal"
    )


def score_pairs(model: Model, user_index: Int32Array, item_index: Int32Array) -> Float64Array:
    """The score of each pair of indices, shape (n,), float64; -1 is an unknown side. In blocks, in parallel."""
    scores = np.empty(len(user_index))

    def block(start: int, stop: int) -> None:
        states = model.users(user_index[start:stop])
        scores[start:stop] = states.score(item_index[start:stop, None])[:, 0]

    map_blocks(block, len(scores), PAIRS_PER_BLOCK)
    return scores
