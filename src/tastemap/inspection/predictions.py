"""Predicted ratings beside those that people gave."""

from __future__ import annotations

import numpy as np
import polars as pl

from tastemap.data import Dataset
from tastemap.errors import InvalidValueError
from tastemap.inference import predict
from tastemap.inspection.items import item_statistics
from tastemap.linalg.types import Float64Array
from tastemap.models.recommender import Recommender, check_recommender

LARGEST_SAMPLE = 10_000
MOST_RATINGS = 20
"""Different ratings that each get a column of their own; more are put into as many columns of equal width."""
N_ROWS = 20


def predicted_against_actual(recommender: Recommender, data: Dataset | None = None) -> pl.DataFrame:
    """Held-out ratings with what the model predicted for them.

    *Stability: experimental.*

    Parameters
    ----------
    recommender : Recommender
        Of a rating model.
    data : Dataset or None
        Ratings to predict, at most 10,000 of them, evenly spread; None: the validation rows that were saved.

    Returns
    -------
    DataFrame
        ``user_id, item_id, title, rating, prediction, error`` (prediction minus rating), ``known``: ``both``,
        ``user``, ``item`` or ``none``, the sides that are in the training data, as
        :func:`tastemap.inference.predict` says; ``both`` for saved validation rows.

    Raises
    ------
    InvalidValueError
        For a ranking model, data without ratings, or with no user and item that are both known, or no `data`
        where no validation rows were saved.
    """
    check_recommender(recommender)
    if recommender.objective == "ranking":
        raise InvalidValueError(
            f"recommender must predict ratings. Got {recommender.name}, which ranks; fit als, dot or mlp."
        )
    rows = _saved(recommender) if data is None else _predicted(recommender, data)
    titles = item_statistics(recommender.train).select("item_id", "title")
    joined = rows.join(titles, on="item_id", how="left", maintain_order="left")
    known = joined.with_columns(pl.col("title").fill_null(pl.col("item_id").cast(pl.String)))
    numbers = known.with_columns(pl.col("rating").cast(pl.Float64), pl.col("prediction").cast(pl.Float64))
    return numbers.select(
        "user_id", "item_id", "title", "rating", "prediction",
        (pl.col("prediction") - pl.col("rating")).alias("error"), "known",
    )  # fmt: skip


def _saved(recommender: Recommender) -> pl.DataFrame:
    if recommender.validation is None:
        raise InvalidValueError(
            f"data must be given: {recommender.name} came with no validation rows. Give ratings to predict."
        )
    return recommender.validation.with_columns(known=pl.lit("both"))


def _predicted(recommender: Recommender, data: Dataset) -> pl.DataFrame:
    if data.interactions.is_implicit:
        raise InvalidValueError(f"data must hold ratings to compare with. Got {data.name}, which has none.")
    step = -(-len(data.interactions) // LARGEST_SAMPLE)
    rows = data.interactions.frame().select("user_id", "item_id", "rating")[::step]
    answers = predict(recommender, rows["user_id"], rows["item_id"])
    if not (answers["known"] == "both").any():
        raise InvalidValueError(
            f"data must have rows whose user and item are both known to {recommender.name}. Got {data.name}, "
            f"with none among the {len(rows):,} looked at; give ratings with the ids of the training data."
        )
    return rows.with_columns(answers["prediction"], answers["known"]).with_columns(
        pl.col("item_id").cast(recommender.items.ids.dtype, strict=False)
    )


def prediction_grid(rows: pl.DataFrame) -> pl.DataFrame:
    """Count `rows` (with ``rating`` and ``prediction``) on a grid, for a picture of many points.

    Returns
    -------
    DataFrame
        ``rating_low, rating_high, low, high`` (of predictions), ``n``, and ``share``: of the rows with these
        ratings, so that rare ratings are seen too. Cells without a row are left out.
    """
    columns = _rating_edges(rows["rating"])
    predictions = rows["prediction"].to_numpy()
    low, high = float(predictions.min()), float(predictions.max())
    edges = np.linspace(low, high if high > low else low + 1.0, N_ROWS + 1)
    counts, _, _ = np.histogram2d(rows["rating"].to_numpy(), predictions, (columns, edges))
    column, row = np.nonzero(counts)
    return pl.DataFrame(
        {
            "rating_low": columns[column],
            "rating_high": columns[column + 1],
            "low": edges[row],
            "high": edges[row + 1],
            "n": counts[column, row].astype(np.int64),
            "share": counts[column, row] / counts.sum(axis=1)[column],
        }
    )


def _rating_edges(ratings: pl.Series) -> Float64Array:
    """Edges halfway between the ratings that occur, or of equal columns if there are many."""
    found = np.sort(ratings.unique().to_numpy())
    if len(found) > MOST_RATINGS:
        return np.linspace(found[0], found[-1], MOST_RATINGS + 1)
    half = float(np.diff(found).min()) / 2 if len(found) > 1 else 0.5
    inner = (found[:-1] + found[1:]) / 2
    return np.concatenate([[found[0] - half], inner, [found[-1] + half]])
