"""How losses, their components and the learning rate moved while a model was fitted."""

from __future__ import annotations

import polars as pl

from tastemap.models.recommender import NOT_LOSSES, Recommender, check_recommender

FIGURE, COMPONENT, RATE = "figure", "component", "rate"


def training_curves(recommender: Recommender) -> pl.DataFrame:
    """One row for each figure of each epoch.

    *Stability: experimental.*

    Returns
    -------
    DataFrame
        ``phase`` (``search``, on a part of the training rows; ``final``, on all), ``epoch``, ``kind``,
        ``name``, ``value``. The kinds: ``figure``, such as ``train_rmse`` and ``validation_rmse``;
        ``component``, a term of the loss (``observed`` is the mean squared error, ``total`` their sum where
        there are several); ``rate``, the ``learning_rate``. No rows for a model that is fitted in one step.
    """
    check_recommender(recommender)
    losses = recommender.losses
    names = [name for name in losses.columns if name not in NOT_LOSSES]
    terms = [name for name in names if name != "train_rmse" and not name.startswith("validation_")]
    columns = {name: pl.col(name) for name in names if name not in terms}
    kinds = dict.fromkeys(columns, FIGURE)
    if len(terms) > 1 and "train_rmse" in names:
        columns["observed"] = pl.col("train_rmse") ** 2
    for name in terms:
        columns["total" if name == "loss" and len(terms) > 1 else name] = pl.col(name)
    if "learning_rate" in losses.columns:
        columns["learning_rate"], kinds["learning_rate"] = pl.col("learning_rate"), RATE
    frames = [
        losses.select(
            "phase",
            pl.col("epoch").cast(pl.Int64),
            pl.lit(kinds.get(name, COMPONENT)).alias("kind"),
            pl.lit(name).alias("name"),
            value.cast(pl.Float64).alias("value"),
        ).drop_nulls()
        for name, value in columns.items()
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=_SCHEMA)


_SCHEMA = {"phase": pl.String, "epoch": pl.Int64, "kind": pl.String, "name": pl.String, "value": pl.Float64}
