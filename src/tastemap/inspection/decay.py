"""What weight decay does: the same model fitted with several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from tastemap.data import Dataset
from tastemap.errors import DataError, InvalidValueError
from tastemap.models.base import Model
from tastemap.models.dot import DotConfig
from tastemap.models.factor import FactorModel
from tastemap.progress import SILENT, Progress
from tastemap.rng import Rng, seed_of, stream
from tastemap.training.registry import get, make_config
from tastemap.training.validation import hold_out

DECAYS = (0.0, 0.1, 0.3, 1.0)


def weight_decay_runs(
    train: Dataset,
    *,
    decays: Sequence[float] = DECAYS,
    settings: Mapping[str, object] | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
) -> pl.DataFrame:
    """Fit ``dot`` by AdamW once for each decay, on the same rows, from the same first factors.

    *Stability: experimental.*

    Parameters
    ----------
    train : Dataset
        With ratings; a random ``validation_fraction`` of its rows is held out.
    decays : sequence of float
        Values of ``weight_decay``, >= 0.
    settings : mapping, optional
        Other settings of ``dot``.
    rng : int, Generator or None
    progress : Progress

    Returns
    -------
    DataFrame
        ``weight_decay, epoch, train_rmse, validation_rmse, item_norm`` (the mean length of item vectors).

    Raises
    ------
    InvalidValueError, UnknownNameError
        For no decay, a setting out of range or unknown, or data without ratings.
    DataError
        If there are too few rows to hold some out.
    MissingExtraError
        Without PyTorch.
    """
    if not decays:
        raise InvalidValueError(
            "decays must name at least one weight decay. Got none; give for example (0, 0.1)."
        )
    if train.interactions.is_implicit:
        raise InvalidValueError(f"train must hold ratings. Got {train.name}, which has none.")
    seed, entry = seed_of(rng), get("dot")
    fitting = entry.epochs
    assert fitting is not None, "dot is fitted in epochs"
    rows: list[dict[str, object]] = []
    for decay in decays:
        config = make_config("dot", {**(settings or {}), "optimizer": "adamw", "weight_decay": decay})
        assert isinstance(config, DotConfig), "the settings of dot"
        held = hold_out(train.interactions, "rating", config.validation_fraction, seed, None)
        if held is None:
            raise DataError(
                f"Some rows must be held out. Got {len(train.interactions)} rows and a validation_fraction of "
                f"{config.validation_fraction:g}; give more."
            )
        inner = replace(train, interactions=held.learned)
        for number, epoch in enumerate(fitting(inner, config, rng=stream(seed, "fit")), start=1):
            figures = {"train_rmse": epoch.losses["train_rmse"], "validation_rmse": held.figure(epoch.model)}
            rows.append(
                {"weight_decay": decay, "epoch": number, **figures, "item_norm": _mean_norm(epoch.model)}
            )
            progress.step(f"dot with decay {decay:g}", number, config.last_epoch, figures)
    return pl.DataFrame(rows)


def _mean_norm(model: Model) -> float:
    assert isinstance(model, FactorModel), "dot has factors"
    return float(model.item_norms.mean())
