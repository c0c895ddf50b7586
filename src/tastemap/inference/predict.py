"""Predicted ratings of pairs; every row gets an answer, and says how much of it is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.data import UNKNOWN, Id, Ids
from tastemap.errors import InvalidValueError
from tastemap.inference.intervals import USUAL_LEVEL, check_level, spread_of_pairs
from tastemap.inference.items import id_list
from tastemap.linalg.threads import map_blocks
from tastemap.linalg.types import Float64Array, Int32Array
from tastemap.models.base import Model
from tastemap.models.recommender import Recommender, check_recommender

PAIRS_PER_BLOCK = 65_536


def predict(
    recommender: Recommender,
    user_ids: Ids | Id,
    item_ids: Ids | Id,
    *,
    level: float | None = None,
    at_least: float | None = None,
) -> pl.DataFrame:
    """Predict the rating of each (user, item) pair.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    user_ids, item_ids : sequences of shape (n,), or one id each
        An unknown or missing (None) id contributes zero: what is left are the mean and the other side's bias.
    level : float, optional
        Share of the ratings that the intervals hold, above 0 and below 1; 0.95 if left out.
    at_least : float, optional
        Also say how likely a rating of at least so many stars is; a rating within the model's scale.

    Returns
    -------
    DataFrame of n rows
        ``user_id, item_id`` as given, ``score``, ``prediction`` (in stars; null for ranking models), ``known``:
        ``both``, ``user``, ``item`` or ``none``, the sides that are in the training data. From a model that
        knows how sure it is (``gibbs``) also ``lower`` and ``upper``, in stars, and with `at_least` the
        ``chance``, 0 to 1; null unless both sides are known.

    Raises
    ------
    InvalidValueError
        If the two sequences differ in length, `level` or `at_least` is out of range, or one of them is given
        and the model does not know how sure it is.
    """
    check_recommender(recommender)
    check_level(level)
    user_ids, item_ids = id_list(user_ids), id_list(item_ids)
    if len(user_ids) != len(item_ids):
        raise InvalidValueError(
            f"user_ids and item_ids must have the same length. Got {len(user_ids)} and {len(item_ids)}."
        )
    user_index, item_index = recommender.users.indices(user_ids), recommender.items.indices(item_ids)
    score = score_pairs(recommender.model, user_index, item_index)
    expected = recommender.model.link.apply(score)
    columns = _sureness(recommender, user_index, item_index, expected, level, at_least)
    prediction = [None] * len(score) if recommender.objective == "ranking" else expected
    known = np.array(["none", "item", "user", "both"])[2 * (user_index != UNKNOWN) + (item_index != UNKNOWN)]
    return pl.DataFrame(
        [
            pl.Series("user_id", user_ids),
            pl.Series("item_id", item_ids),
            pl.Series("score", score),
            pl.Series("prediction", prediction, dtype=pl.Float64),
            pl.Series("known", known, dtype=pl.String),
            *columns,
        ]
    )


def _sureness(
    recommender: Recommender,
    user_index: Int32Array,
    item_index: Int32Array,
    prediction: Float64Array,
    level: float | None,
    at_least: float | None,
) -> list[pl.Series]:
    """The columns ``lower``, ``upper`` and ``chance``, as far as the model can fill them."""
    spread = spread_of_pairs(recommender, user_index, item_index, prediction)
    if spread is None:
        given = [name for name, value in (("level", level), ("at_least", at_least)) if value is not None]
        if not given:
            return []
        raise InvalidValueError(
            f"{given[-1]} needs a model that knows how sure it is, and {recommender.name} does not. "
            f"Fit gibbs, or leave {given[-1]} out."
        )
    ends = spread.interval(USUAL_LEVEL if level is None else level)
    found = dict(zip(("lower", "upper"), ends, strict=True))
    if at_least is not None:
        found["chance"] = spread.chance(at_least)
    return [pl.Series(name, values, nan_to_null=True) for name, values in found.items()]


def predict_table(
    recommender: Recommender,
    pairs: pl.DataFrame,
    *,
    level: float | None = None,
    at_least: float | None = None,
) -> pl.DataFrame:
    """:func:`predict` for the rows of a table, which keeps its other columns.

    *Stability: caller-stable.*

    Parameters
    ----------
    recommender : Recommender
    pairs : DataFrame
        ``user_id, item_id`` (null is unknown), and any other columns.
    level, at_least
        As for :func:`predict`.

    Returns
    -------
    DataFrame of n rows
        ``user_id, item_id``, the other columns, then those of :func:`predict`. A column of `pairs` under the
        name of one of these is replaced.
    """
    answers = predict(recommender, pairs["user_id"], pairs["item_id"], level=level, at_least=at_least)
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
