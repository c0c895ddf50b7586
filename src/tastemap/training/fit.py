"""Fit a registered model: stop early on a validation part of the training set, then refit on all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import NoneType

import numpy as np
import polars as pl

from tastemap.data import Dataset, Interactions
from tastemap.data.dataset import check_dataset
from tastemap.errors import DataError, InvalidValueError, check_type
from tastemap.models.base import Model
from tastemap.models.config import IterativeConfig, ModelConfig, positive_min_of
from tastemap.models.recommender import Recommender
from tastemap.progress import SILENT, Progress, announce_compilation
from tastemap.rng import Rng, seed_of, stream
from tastemap.training.checkpoint import Checkpoints
from tastemap.training.in_epochs import EpochRun, Stop
from tastemap.training.registry import ModelEntry, get, make_config
from tastemap.training.remarks import with_remarks


def fit(
    train: Dataset,
    model: str,
    *,
    settings: Mapping[str, object] | None = None,
    positive_min: float | None = None,
    rng: Rng = None,
    progress: Progress = SILENT,
    keep_partial: bool = True,
    stop: Stop | None = None,
    checkpoints: Checkpoints | None = None,
) -> Recommender:
    """Fit a model to a data set.

    *Stability: caller-stable.*

    An iterative model is first fitted to a part of `train` while the rest, a random
    ``validation_fraction`` of the rows, tells when to stop; then it is fitted to all of `train`
    for that many epochs. Ctrl-C, or a loss that is no longer finite, ends the search there if it comes during
    the first part, and keeps the last whole epoch if during the second. Either way ``resolved`` repeats the
    run.

    Parameters
    ----------
    train : Dataset
    model : str
        A registered name: ``bias``, ``als``, ``gibbs``, ``dot``, ``mlp``, ``popularity``, ``itemknn``,
        ``ease``, ``ials``, ``softmax``.
    settings : mapping of str to object, optional
        Settings that differ from the model's defaults.
    positive_min : float, optional
        The setting of that name of a ranking model: learn from ratings of at least this. Lower ones still
        keep items out of their users' lists.
    rng : int, Generator or None
        An int seed repeats the run bit for bit; None draws a fresh one and records it.
    progress : Progress
        Hears about compilation and epochs.
    keep_partial : bool
        Whether Ctrl-C and a loss that is no longer finite keep the best so far; if not, they end the fit (an
        evaluation must not compare a model that was cut short).
    stop : callable or None
        Asked after each epoch with the phase, ``search`` or ``final``, and the epochs done in it. Where it says
        true the fit ends there as by Ctrl-C: that is how a clock ends it.
    checkpoints : Checkpoints or None
        Where the fit keeps where it stands, and looks first: after a process has ended, by whatever cause, the
        same call goes on from the last epoch that was kept and ends with the same model. Models that are fitted
        by alternating (``als``, ``ials``) have it; others leave it aside.

    Returns
    -------
    Recommender
        The notes of ``train.report`` also tell what can hardly be meant: too few users or items, ratings that
        are all the same, more `n_factors` than items or users.

    Raises
    ------
    UnknownNameError, InvalidValueError
        For an unknown model or setting, a setting out of range, a rating model with `positive_min`, or
        `positive_min` leaving fewer than two users or items.
    DataError
        If there are fewer than two users or items at all, or no ratings for a rating model.
    DivergedError
        If the loss is no longer finite within the first epoch, or later without `keep_partial`.
    MissingExtraError
        If the model needs an optional package that is not installed.
    """
    _check_arguments(train, model, settings)
    entry, seed = get(model), seed_of(rng)
    config = make_config(model, with_positive_min(entry, settings or {}, positive_min))
    check_ratings(train.interactions, entry)
    suitable = learned_rows(train.interactions, positive_min_of(config))
    train = with_remarks(train, entry.objective, config)
    learned = replace(train, interactions=suitable)
    with announce_compilation(progress):
        if isinstance(config, IterativeConfig):
            run = EpochRun(train, learned, entry, config, seed, progress, keep_partial, stop, checkpoints)
            done = run.fitted()
            found = _recommender(
                done.model, entry, config, done.resolved, seed, train, done.losses, done.predictions
            )
            return replace(found, interrupted=done.interrupted)
        fitted = entry.fit(learned, config, rng=stream(seed, "fit"))
    return _recommender(fitted, entry, config, config, seed, train, [], None)


def _check_arguments(train: Dataset, model: str, settings: Mapping[str, object] | None) -> None:
    check_dataset("train", train)
    check_type("model", model, str, "the name of a model", "write for example 'als'")
    check_type("settings", settings, (Mapping, NoneType), "a mapping", "write for example {'n_factors': 32}")


def with_positive_min(
    entry: ModelEntry, settings: Mapping[str, object], positive_min: float | None
) -> Mapping[str, object]:
    """The settings with `positive_min` among them; raises for a rating model, or for two values of it."""
    if positive_min is None:
        return settings
    if entry.objective == "rating":
        raise InvalidValueError(
            f"positive_min is for ranking models; {entry.name} predicts ratings and needs the low ones too."
        )
    if "positive_min" in settings and settings["positive_min"] != positive_min:
        raise InvalidValueError(
            f"positive_min must have one value. Got {positive_min!r} and, among the settings, "
            f"{settings['positive_min']!r}; give it once."
        )
    return {**settings, "positive_min": positive_min}


def check_ratings(data: Interactions, entry: ModelEntry) -> None:
    """Raise a DataError unless `data` has the ratings that the model predicts, if it predicts ratings."""
    if entry.objective == "rating" and data.is_implicit:
        raise DataError(
            f"{entry.name} predicts ratings, but the data has no rating column. Use a ranking model: ials, "
            "ease or popularity; or name the column with --rating-col."
        )


def learned_rows(data: Interactions, positive_min: float | None) -> Interactions:
    """The interactions of `data` that a model learns from.

    Raises
    ------
    InvalidValueError
        If `positive_min` leaves fewer than two users or items.
    DataError
        If there are fewer at all.
    """
    learned = data.at_least(positive_min)
    n_users = int(np.count_nonzero(learned.by_user.row_lengths))
    n_items = int(np.count_nonzero(learned.popularity))
    if n_users < 2 or n_items < 2:
        said = f"Fitting needs at least two users and two items. Got {n_users} and {n_items}; "
        if learned is not data:
            raise InvalidValueError(said + "lower positive_min.")
        raise DataError(said + "check that the columns are the right ones.")
    return learned


def _recommender(
    model: Model,
    entry: ModelEntry,
    config: ModelConfig,
    resolved: ModelConfig,
    seed: int,
    train: Dataset,
    losses: list[dict[str, object]],
    predictions: pl.DataFrame | None,
) -> Recommender:
    return Recommender(
        model=model,
        name=entry.name,
        objective=entry.objective,
        config=config,
        resolved=resolved,
        seed=seed,
        train=train,
        losses=pl.DataFrame(losses, infer_schema_length=None),
        validation=predictions,
    )


def with_evaluation(recommender: Recommender, evaluation: dict[str, object]) -> Recommender:
    """The same recommender with the record of an evaluation, as it is saved."""
    return replace(recommender, evaluation=evaluation)
