"""How a model came about and what it has learned: settings, losses, errors, biases, lengths of vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tastemap.inspection import bias_leaderboard, item_norms, predicted_against_actual, training_curves
from tastemap.inspection.items import item_biases, item_vectors
from tastemap.models.recommender import Recommender
from tastemap.training import MODELS

Fields = dict[str, Any]
Rows = list[Fields]

N_BIASES = 10
N_SAMPLE = 12
N_BANDS = 6
"""Groups of items by popularity, of about equal size."""


def training(recommender: Recommender) -> Fields:
    """What the artifact tells of its own fit.

    Returns
    -------
    dict
        ``model, summary, objective, seed, n_epochs`` (of the final fit; null for one step); ``settings``
        (``name, value, default, is_default, resolved``); ``losses`` (``phase, epoch`` and a column a figure)
        and ``chosen``: what the validation said of the chosen number of epochs, or null; ``validation``,
        ``biases``, ``norms``: null where there are none.
    """
    known = MODELS.get(recommender.name)
    settings = recommender.resolved.model_dump(mode="json")
    return {
        "model": recommender.name,
        "summary": None if known is None else known.summary,
        "objective": recommender.objective,
        "seed": recommender.seed,
        "n_epochs": settings.get("n_epochs"),
        "settings": _settings(recommender),
        "losses": recommender.losses.to_dicts(),
        "curves": training_curves(recommender).to_dicts(),
        "chosen": chosen(recommender),
        "validation": _validation(recommender),
        "biases": _biases(recommender),
        "norms": _norms(recommender),
    }


def _settings(recommender: Recommender) -> Rows:
    known = MODELS.get(recommender.name)
    defaults: Mapping[str, Any] = {} if known is None else known.config_class().model_dump(mode="json")
    given = recommender.config.model_dump(mode="json")
    resolved = recommender.resolved.model_dump(mode="json")
    return [
        {
            "name": name,
            "value": value,
            "default": defaults.get(name),
            "is_default": name in defaults and defaults[name] == value,
            "resolved": resolved.get(name, value),
        }
        for name, value in given.items()
    ]


def chosen(recommender: Recommender) -> Fields | None:
    """The epoch of the search that the final fit repeats, with its figure and those of the baselines there."""
    losses = recommender.losses
    names = [name for name in losses.columns if name.startswith("validation_")]
    if not names or "phase" not in losses.columns:
        return None
    search = losses.filter(pl.col("phase") == "search")
    n_epochs = len(losses) - len(search)
    if not 1 <= n_epochs <= len(search) or search[names[0]][n_epochs - 1] is None:
        return None
    beside = {name.rpartition("_of_")[2]: search[name][n_epochs - 1] for name in names[1:]}
    metric = names[0].removeprefix("validation_")
    return {
        "epoch": n_epochs,
        "of": len(search),
        "metric": metric,
        "value": search[names[0]][n_epochs - 1],
        "beside": beside,
    }


def _validation(recommender: Recommender) -> Fields | None:
    if recommender.objective == "ranking" or recommender.validation is None or not len(recommender.validation):
        return None
    rows = predicted_against_actual(recommender)
    errors = rows["error"].to_numpy()
    # Every second row or fewer are kept of many; the count of all of them is not.
    fraction = recommender.config.model_dump().get("validation_fraction") or 0.0
    n_expected = fraction * len(recommender.train.interactions)
    by_rating = rows.group_by("rating").agg(
        n=pl.len(), mean_prediction=pl.col("prediction").mean(), mean_error=pl.col("error").abs().mean()
    )
    sample = rows[:: max(1, len(rows) // N_SAMPLE)].head(N_SAMPLE)
    return {
        "n": len(rows),
        "is_sample": len(rows) < 0.75 * n_expected,
        "rmse": float(np.sqrt((errors**2).mean())),
        "mae": float(np.abs(errors).mean()),
        "by_rating": by_rating.sort("rating").to_dicts() if len(by_rating) <= N_SAMPLE else [],
        "sample": sample.select("rating", "prediction").to_dicts(),  # who and what stays unsaid
    }


def _biases(recommender: Recommender) -> Fields | None:
    if item_biases(recommender.model) is None:
        return None
    board = bias_leaderboard(recommender).select("item_id", "title", "bias", "popularity", "mean_rating")
    n = min(N_BIASES, len(board) // 2)
    return {"highest": board.head(n).to_dicts(), "lowest": board.tail(n).reverse().to_dicts()}


def _norms(recommender: Recommender) -> Rows | None:
    """The length of vectors by popularity, in bands of about equally many items."""
    if item_vectors(recommender.model) is None:
        return None
    frame = item_norms(recommender).sort("popularity", maintain_order=True)
    parts = [
        frame[rows[0] : rows[-1] + 1] for rows in np.array_split(np.arange(len(frame)), N_BANDS) if len(rows)
    ]
    return [
        {
            "low": int(part["popularity"][0]),
            "high": int(part["popularity"][-1]),
            "n_items": len(part),
            "mean_norm": float(part["norm"].to_numpy().mean()),
        }
        for part in parts
    ]
